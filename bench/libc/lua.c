/* SPDX-License-Identifier: ISC */
/* Lua's interpreter (Debian's source package) at work. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "bench.h"

static const struct {
	const char *name, *text;
} scripts[] = {
	{"Lua: calls and arithmetic",
	 "local function f(n) return n < 2 and n or f(n-1) + f(n-2) end f(24)"},
	{"Lua: tables",
	 "for k = 1, 10 do local t = {} for i = 1, 10000 do t[i] = {i} end "
	 "for i = 1, 10000 do t['x' .. i] = t[i][1] end end"},
	{"Lua: strings",
	 "local t = {} for i = 1, 20000 do t[#t+1] = string.format('%d:%s', i,"
	 " ('x'):rep(i % 50)) end local s = table.concat(t, ',') local n = 0 "
	 "for w in s:gmatch('%d+') do n = n + #w end"},
	{"Lua: a file of lines",
	 "local f = io.open('/tmp/lua', 'w') for i = 1, 20000 do "
	 "f:write(i, ' line\\n') end f:close() local n = 0 "
	 "for l in io.lines('/tmp/lua') do n = n + #l end"
	 "os.remove('/tmp/lua')"},
	/* short enough that sorting does not ask the clock for randomness */
	{"Lua: coroutines and sort",
	 "local c = coroutine.wrap(function() for i = 1, 50000 do "
	 "coroutine.yield(i * 7919 % 50021) end end) for k = 1, 500 do "
	 "local t = {} for i = 1, 90 do t[i] = c() end table.sort(t) end"},
};

static uint64_t run(const char *text)
{
	uint64_t start = bench_now();
	lua_State *l = luaL_newstate();

	bench_check(l != NULL, "Lua");
	luaL_openlibs(l);
	if (luaL_dostring(l, text))
		puts(lua_tostring(l, -1));
	lua_close(l);
	return bench_now() - start;
}

void bench_lua(void)
{
	for (unsigned i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		uint64_t best = UINT64_MAX;

		for (int round = 0; round < 3; round++) {
			uint64_t took = run(scripts[i].text);

			best = took < best ? took : best;
		}
		bench_row(scripts[i].name, "us", (double)best / 1000);
	}
}
