-- Library functions that compiled code does by itself: arguments of many types, both ends of what they take, and what
-- must go through metamethods all the same. Long output is summed up.
local text = {}
local function put(...) for i = 1, select("#", ...) do text[#text + 1] = (select(i, ...)) end end
local function sum()
  local s, all = 0, table.concat(text)
  for i = 1, #all do s = (s * 31 + all:byte(i)) % 1000003 end
  text = {}
  return s .. "/" .. #all
end
local function check(n)
 local t={}
 for i=1,n do table.insert(t,i) end
 for i=1,n do table.insert(t,i+0.5) end
 table.insert(t,"x") table.insert(t,{})
 local s=0
 for i,v in ipairs(t) do if type(v)=="number" then s=s+v elseif type(v)=="string" then s=s+#v else s=s+1000 end end
 table.remove(t) table.remove(t)
 for i=1,n do s=s+table.remove(t) end
 for i=1,n do s=s*3%1000003+table.remove(t) end
 assert(table.remove(t)==nil and #t==0)

 local h={} for i=1,5 do h[i]=tostring(i) end h[4]=nil h[4]="w"
 local r=table.remove(h) assert(r=="5")
 assert(#h==4)
 h[#h+1]="q"
 return s
end
for i=1,60 do put(check(i)," ") end print(sum())
local function str(s)
 local out={}
 for i=1,#s do local c=s:sub(i,i) out[#out+1]=c..s:byte(i)..string.char(s:byte(i)) end
 out[#out+1]=s:sub(-3) out[#out+1]=s:sub(2,-2) out[#out+1]=s:sub(0) out[#out+1]=s:sub(5,3) out[#out+1]=s:sub(-100,100) out[#out+1]=s:sub(math.mininteger,math.maxinteger)
 for i=-3,#s+3 do out[#out+1]=s:sub(i,i) out[#out+1]=tostring((s:byte(i))) end
 return table.concat(out,",")
end
for i=1,40 do str("hello"..i) end
put(str("hello world")) print(sum())
local big="" for i=1,50 do big=big..str("ab"..i) end
local n=0 for i=1,#big do n=(n*31+big:byte(i))%1000003 if big:sub(i,i)=="a" then n=n+1 end end print(n,#big)
for i=1,50 do local x=i%3==0 and i or i%3==1 and i+0.5 or "z"; put(type(x)," ",tostring(math.type(x))," ",tostring(x)," ") end print(sum())
for i=1,100 do local a=tostring(i) assert(a==("%d"):format(i)) end
local mt={__pairs=function(t) return function(_,k) if not k then return 1,2 end end,t,nil end}
for i=1,100 do local t=setmetatable({},i>90 and mt or nil) for k,v in pairs(t) do n=n+k+v end end print(n)
local w=setmetatable({},{__index=function(t,i) if i<=5 then return i*2 end end})
for i=1,50 do local u=i>40 and w or {1,2,3} for k,v in ipairs(u) do n=n+k*v end end print(n)
for i=1,50 do local u={1,2,3,4} for k,v in ipairs(u) do if k<3 then u[#u+1]=v end n=n+v*k if k==2 then u[4]=nil end end end print(n)
local function mixed(t) local s=0 for i,v in ipairs(t) do s=s+i*#tostring(v) end return s end
for i=1,60 do n=n+mixed{1,2.5,"a",true,i} n=n+mixed{} n=n+mixed{nil,1} n=n+mixed{1.5,2.5} end print(n)
for i=1,100 do n=n+math.floor(math.sin(i)*100)+math.floor(math.cos(i*1.0)*10)+math.floor(math.exp(i%5))+math.floor(math.log(i)*10)+math.log(8,2)//1 end print(n)
for i=250,260 do put(tostring(pcall(function() return string.char(i) end))," ") end print(sum())
for i=1,40 do debug.setmetatable(1, i>30 and {__tostring=function() return "num" end} or nil) put(tostring(i)) end print(sum()) debug.setmetatable(1,nil)
local q={} for i=1,100 do q[#q+1]=i if i%3==0 then n=n+table.remove(q) end if i%7==0 then n=n+table.remove(q,1) end end print(n,#q)
for i = 1, 40 do -- a metatable of strings, later
  getmetatable("").__tostring = i > 30 and function(s) return "<" .. s .. ">" end or nil
  put(tostring("s" .. i))
end
getmetatable("").__tostring = nil
print(sum())
--> 284313/529
--> 771434/218
--> 651566	4724
--> 200831/809
--> 651596
--> 653256
--> 653956
--> 656611
--> 662065.0
--> 150881/60
--> 213448/81
--> 663895.0	53
--> 940169/131
