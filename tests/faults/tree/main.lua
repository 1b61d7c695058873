print(require("greet")("done"))
