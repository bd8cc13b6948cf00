-- SPDX-License-Identifier: ISC
-- What a script asks of its interpreter: modules, files, errors, coroutines.
print("arguments", ...)
local squares = {}
for i = 1, 1000 do squares[i] = i * i end
print(#squares, squares[10], string.format("%.3f", math.pi))
local f = assert(io.open("/tmp/m.lua", "w"))
f:write("return { answer = 42 }\n")
f:close()
package.path = "/tmp/?.lua"
print(require("m").answer, os.rename("/tmp/m.lua", "/tmp/n.lua"))
for line in io.lines("/tmp/n.lua") do print(#line, line) end
local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(c(), c(), c(), pcall(error, "oops"))
local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
print(deep(10000), (select(2, pcall(deep, 1e6)):match("stack overflow")))
print(io.popen and pcall(io.popen, "ls"))
os.exit(os.date("%Y") >= "2020" and 0 or 1, true)
