/* How long a thread that has slept waits for the GIL beside threads that compute.
 *
 * CPython 3.11's take_gil and drop_gil (Python/ceval_gil.h) in C, on the same condition variables of glibc, without an interpreter
 * around them. To keep the rest of the machine out, on two cores:
 *
 *   cc -O1 -pthread tests/measured/gil.c -o gil && for hogs in 1 4 8; do chrt -f 10 ./gil $hogs 10; done
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define INTERVAL_NS 5000000L /* sys.getswitchinterval() */
#define SLEEP_NS 20100000L
#define MOST 100000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, switch_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond, switch_cond;
static int locked, last_holder = -1;
static unsigned long switch_number, asked_and_got;
static atomic_int drop_request, stop;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void take_gil(int me)
{
    int asked = 0;
    pthread_mutex_lock(&mutex);
    while (locked) {
        unsigned long saved = switch_number;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += INTERVAL_NS;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        int over = pthread_cond_timedwait(&cond, &mutex, &until) == ETIMEDOUT;
        /* A signal that comes right after the asking is the one that another waiter was first in line for. */
        asked_and_got += asked && !over && !locked;
        asked = over && locked && switch_number == saved;
        if (asked)
            drop_request = 1;
    }
    pthread_mutex_lock(&switch_mutex);
    locked = 1;
    if (last_holder != me) {
        last_holder = me;
        switch_number++;
    }
    pthread_cond_signal(&switch_cond);
    pthread_mutex_unlock(&switch_mutex);
    drop_request = 0;
    pthread_mutex_unlock(&mutex);
}

static void drop_gil(int me)
{
    pthread_mutex_lock(&mutex);
    last_holder = me;
    locked = 0;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    if (drop_request) {
        pthread_mutex_lock(&switch_mutex);
        if (last_holder == me) {
            drop_request = 0;
            pthread_cond_wait(&switch_cond, &switch_mutex);
        }
        pthread_mutex_unlock(&switch_mutex);
    }
}

static void *compute(void *number)
{
    int me = (int)(long)number;
    volatile long work = 0;
    take_gil(me);
    while (!stop) {
        for (int i = 0; i < 200; i++)
            work++;
        if (drop_request) {
            drop_gil(me);
            take_gil(me);
        }
    }
    drop_gil(me);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments)
{
    int hogs = count > 1 ? atoi(arguments[1]) : 4;
    double seconds = count > 2 ? atof(arguments[2]) : 10, sum = 0;
    static double waits[MOST];
    int n = 0;
    pthread_t thread;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&cond, &clock);
    pthread_cond_init(&switch_cond, &clock);
    take_gil(0);
    for (long i = 1; i <= hogs; i++)
        pthread_create(&thread, NULL, compute, (void *)i);
    for (double end = now_ms() + seconds * 1e3; now_ms() < end && n < MOST;) {
        struct timespec pause = {0, SLEEP_NS};
        drop_gil(0);
        nanosleep(&pause, NULL);
        double ready = now_ms();
        take_gil(0);
        waits[n] = now_ms() - ready;
        sum += waits[n++];
    }
    qsort(waits, n, sizeof waits[0], by_size);
    printf("%d hogs, %d waits: mean %.1f ms, p50 %.1f, p90 %.1f; %lu of %lu changes went to the one that had just asked\n", hogs, n,
           sum / n, waits[n / 2], waits[n * 9 / 10], asked_and_got, switch_number);
    return 0;
}
