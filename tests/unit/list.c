/* SPDX-License-Identifier: ISC */
/* Lists: order, removing on the way, removing twice. */
#include "unit/unit.h"

#include "core/list.h"

struct item {
	int before; /* so that the entry is not at the beginning */
	struct list entry;
	char name;
};

static struct list head = LIST_INIT(head);
static struct item items[4] = {
	{0, {NULL, NULL}, 'a'},
	{0, {NULL, NULL}, 'b'},
	{0, {NULL, NULL}, 'c'},
	{0, {NULL, NULL}, 'd'},
};

static const char *order(void)
{
	list_for_each(e, &head) note(list_entry(e, struct item, entry)->name);
	return noted();
}

static void all(void **state)
{
	(void)state;
	assert_true(list_empty(&head));
	assert_null(list_pop(&head));
	list_add_last(&head, &items[0].entry);
	list_add_last(&head, &items[1].entry);
	list_add_first(&head, &items[2].entry);
	list_add_last(&head, &items[3].entry);
	assert_string_equal(order(), "cabd");
	list_remove(&items[0].entry);
	list_remove(&items[0].entry); /* harmless */
	assert_string_equal(order(), "cbd");
	list_for_each(e, &head) if (e != &items[1].entry) list_remove(e);
	assert_string_equal(order(), "b");
	assert_ptr_equal(list_pop(&head), &items[1].entry);
	assert_true(list_empty(&head));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(all),
};

UNIT_MAIN("list", tests)
