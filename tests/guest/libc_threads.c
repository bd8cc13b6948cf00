/* SPDX-License-Identifier: ISC */
/*
 * pthreads: creation, joining, mutual exclusion, conditions with deadlines,
 * barriers, semaphores, read-write locks, keys, once, cancellation, and a
 * thousand of them.
 * guest: memory 256
 */
#include <errno.h>
#include <lib/guest.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_key_t key;
static sem_t sem;
static int shared, dtors;

static struct timespec soon(clockid_t clock, long ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *add(void *arg)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&mutex);
		int was = shared;
		sched_yield(); /* inside: others must not get in */
		shared = was + 1;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void create_join(void)
{
	pthread_t t[10];
	void *result;

	for (long i = 0; i < 10; i++)
		check_equal(pthread_create(&t[i], NULL, add, (void *)i), 0);
	for (long i = 0; i < 10; i++) {
		check_equal(pthread_join(t[i], &result), 0);
		check_equal(result, i);
	}
	check_equal(shared, 1000);
}

static void *waiter(void *arg)
{
	int *turn = arg;

	pthread_mutex_lock(&mutex);
	while (!*turn)
		pthread_cond_wait(&cond, &mutex);
	++*turn;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void conditions(void)
{
	pthread_t t[5];
	int turn = 0;
	struct timespec a, b, when;

	clock_gettime(CLOCK_MONOTONIC, &a);
	when = soon(CLOCK_REALTIME, 30);
	pthread_mutex_lock(&mutex);
	check_equal(pthread_cond_timedwait(&cond, &mutex, &when), ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &b);
	long ms = (b.tv_nsec - a.tv_nsec) / 1000000;
	check((b.tv_sec - a.tv_sec) * 1000 + ms >= 29);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, waiter, &turn);
	sched_yield();
	pthread_mutex_lock(&mutex);
	turn = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	check_equal(turn, 6);
}

static void *meet(void *arg)
{
	long last = 0;

	for (int i = 0; i < 20; i++)
		last += pthread_barrier_wait(&barrier) ==
			PTHREAD_BARRIER_SERIAL_THREAD;
	(void)arg;
	return (void *)last;
}

/* Who is told so makes it anew, though the others may not have left it yet. */
static void *meet_last(void *arg)
{
	if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
		check_equal(pthread_barrier_destroy(&barrier), 0);
		memset(&barrier, 0xff, sizeof(barrier));
		pthread_barrier_init(&barrier, NULL, 4);
	}
	return arg;
}

static void barriers(void)
{
	pthread_t t[4];
	void *last;
	long sum = 0;

	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, meet_last, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&barrier);

	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, meet, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &last);
		sum += (long)last;
	}
	check_equal(sum, 20);
}

static void *post(void *arg)
{
	usleep(5000);
	sem_post(&sem);
	return arg;
}

static void semaphores(void)
{
	struct timespec when;
	pthread_t t;

	sem_init(&sem, 0, 0);
	check(sem_trywait(&sem) == -1 && errno == EAGAIN);
	when = soon(CLOCK_REALTIME, 10);
	check(sem_timedwait(&sem, &when) == -1 && errno == ETIMEDOUT);
	pthread_create(&t, NULL, post, NULL);
	check_equal(sem_wait(&sem), 0);
	pthread_join(t, NULL);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void *write_locked(void *arg)
{
	pthread_rwlock_wrlock(&rwlock);
	++*(int *)arg;
	pthread_rwlock_unlock(&rwlock);
	return NULL;
}

static void rwlocks(void)
{
	pthread_t t;
	int n = 0;

	pthread_rwlock_rdlock(&rwlock);
	check_equal(pthread_rwlock_tryrdlock(&rwlock), 0);
	check_equal(pthread_rwlock_trywrlock(&rwlock), EBUSY);
	pthread_create(&t, NULL, write_locked, &n);
	usleep(2000);
	check_equal(n, 0);
	pthread_rwlock_unlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	pthread_join(t, NULL);
	check_equal(n, 1);
}

static void key_dtor(void *value)
{
	check_equal((long)value, 42);
	dtors++;
}

static void *use_key(void *arg)
{
	check(!pthread_getspecific(key));
	pthread_setspecific(key, (void *)42);
	return arg;
}

static int once_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void once_fn(void)
{
	once_count++;
}

static void keys_and_once(void)
{
	pthread_t t;

	pthread_key_create(&key, key_dtor);
	pthread_setspecific(key, (void *)7);
	pthread_create(&t, NULL, use_key, NULL);
	pthread_join(t, NULL);
	check_equal(dtors, 1);
	check_equal((long)pthread_getspecific(key), 7);
	pthread_once(&once, once_fn);
	pthread_once(&once, once_fn);
	check_equal(once_count, 1);
}

static void *robber(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL; /* without unlocking */
}

static void mutex_kinds(void)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;
	struct timespec when = soon(CLOCK_REALTIME, 5);
	pthread_t t;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m, &a);
	check_equal(pthread_mutex_lock(&m), 0);
	check_equal(pthread_mutex_lock(&m), 0);
	pthread_mutex_unlock(&m);
	pthread_mutex_unlock(&m);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&m, &a);
	pthread_mutex_lock(&m);
	check_equal(pthread_mutex_lock(&m), EDEADLK);
	pthread_mutex_unlock(&m);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_NORMAL);
	pthread_mutex_init(&m, &a);
	pthread_mutex_lock(&m);
	check_equal(pthread_mutex_timedlock(&m, &when), ETIMEDOUT);
	pthread_mutex_unlock(&m);
	pthread_mutex_destroy(&m);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &a);
	pthread_create(&t, NULL, robber, &m);
	pthread_join(t, NULL);
	check_equal(pthread_mutex_lock(&m), EOWNERDEAD);
	check_equal(pthread_mutex_consistent(&m), 0);
	check_equal(pthread_mutex_unlock(&m), 0);
}

static void *detached(void *arg)
{
	sem_post(arg);
	return NULL;
}

static void detaching(void)
{
	pthread_t t;

	sem_init(&sem, 0, 0);
	for (int i = 0; i < 100; i++) {
		check_equal(pthread_create(&t, NULL, detached, &sem), 0);
		check_equal(pthread_detach(t), 0);
	}
	for (int i = 0; i < 100; i++)
		sem_wait(&sem);
}

static _Thread_local long mine;

static void *stay(void *arg)
{
	mine = (long)arg;
	pthread_barrier_wait(&barrier);
	return (void *)mine;
}

static void many(void)
{
	enum { MANY = 1000 };
	static pthread_t t[MANY];
	pthread_attr_t a;
	void *result;

	pthread_attr_init(&a);
	check_equal(pthread_attr_setstacksize(&a, 16384), 0);
	pthread_barrier_init(&barrier, NULL, MANY + 1);
	for (long i = 0; i < MANY; i++)
		check_equal(pthread_create(&t[i], &a, stay, (void *)i), 0);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < MANY; i++) {
		pthread_join(t[i], &result);
		check_equal(result, i);
	}
}

int main(void)
{
	create_join();
	conditions();
	barriers();
	semaphores();
	rwlocks();
	keys_and_once();
	mutex_kinds();
	detaching();
	many();
	return 0;
}
