// A script for mujs: what it prints is what tests/lab/programs.sh expects.
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
var list = [];
for (var i = 0; i < 20000; ++i)
	list.push((i * 7919) % 20011);
list.sort(function (a, b) { return a - b; });
print(fib(18), list[0], list[19999]);
print(JSON.stringify({ a: [1, 2.5, "x"], b: null }));
print(/(\d+)-(\d+)/.exec("10-20")[2], Math.sqrt(2).toFixed(6));
try { null.x; } catch (e) { print("caught", e.name); }
print(new Date(0).toISOString());
