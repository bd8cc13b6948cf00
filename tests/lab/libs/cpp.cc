/* SPDX-License-Identifier: ISC */
/* C++ as Debian compiles it: exceptions, threads, streams, regular expressions. */
#include <iostream>
#include <map>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <mutex>
#include <sstream>
static thread_local int mine = 5;

static void threads()
{
	std::vector<std::thread> all;
	std::mutex mutex;
	int sum = 0;

	for (int i = 0; i < 4; i++)
		all.emplace_back([&, i] {
			std::lock_guard<std::mutex> guard(mutex);
			mine += i;
			sum += mine;
		});
	for (auto &t : all)
		t.join();
	std::cout << "sum " << sum << " " << mine << std::endl;
}

int main()
{
	std::map<std::string, int> m{{"b", 2}, {"a", 1}};
	std::regex pattern("(\\w+)@(\\w+)");
	std::string text = "joe@xen rest";
	std::smatch found;
	std::ostringstream out;

	for (auto &[key, value] : m)
		std::cout << key << "=" << value << "\n";
	threads();
	if (std::regex_search(text, found, pattern))
		std::cout << found[1] << " at " << found[2] << "\n";
	out << 3.25 << " " << std::hex << 255;
	std::cout << out.str() << std::endl;
	try {
		std::vector<int>().at(3);
	} catch (const std::out_of_range &) {
		std::cout << "out of range" << std::endl;
	}
	return 0;
}
