/* SPDX-License-Identifier: ISC */
/* Debian's Lua, unchanged: tables, errors, coroutines, files, the clock. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

static const char script[] =
	"local t = {} for i = 1, 1000 do t[i] = i * i end\n"
	"print(#t, t[10], string.format('%.3f', math.pi))\n"
	"local f = io.open('/tmp/x', 'w') f:write('hello') f:close()\n"
	"print(io.open('/tmp/x'):read('a'), os.date('%Y') >= '2020')\n"
	"local c = coroutine.wrap(function()\n"
	"  for i = 1, 3 do coroutine.yield(i) end end)\n"
	"print(c(), c(), c(), select(2, pcall(error, 'oops')))\n";

int main(void)
{
	lua_State *l = luaL_newstate();

	luaL_openlibs(l);
	if (luaL_dostring(l, script)) {
		printf("error: %s\n", lua_tostring(l, -1));
		return 1;
	}
	lua_close(l);
	return 0;
}
