return function(name) return name end
