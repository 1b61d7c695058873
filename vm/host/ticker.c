/* The timer interrupt: a thread that sleeps. */
#include "vm/host/ticker.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "vm/host/host.h"

struct RiTicker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    volatile bool on;
    bool ends;
    uint64_t period_ns;
    volatile uint64_t cpu_ns;
    void (*tick)(void *argument);
    void *argument;
};

static void *run(void *argument)
{
    RiTicker *t = argument;
    const struct timespec period = {.tv_sec = (time_t)(t->period_ns / 1000000000u),
                                    .tv_nsec = (long)(t->period_ns % 1000000000u)};
    pthread_mutex_lock(&t->mutex);
    while (!t->ends) {
        if (!t->on) {
            pthread_cond_wait(&t->changed, &t->mutex);
            continue;
        }
        pthread_mutex_unlock(&t->mutex);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
        t->cpu_ns = ri_host_thread_cpu_ns();
        t->tick(t->argument);
        pthread_mutex_lock(&t->mutex);
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

RiTicker *ri_ticker_new(uint64_t period_ns, void (*tick)(void *argument), void *argument)
{
    RiTicker *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->period_ns = period_ns;
    t->tick = tick;
    t->argument = argument;
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)64 << 10 > (size_t)PTHREAD_STACK_MIN ? (size_t)64 << 10 : (size_t)PTHREAD_STACK_MIN);
    sigset_t all, before; /* signals are for the host's threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&t->thread, &attributes, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        free(t);
        errno = error;
        return NULL;
    }
    return t;
}

void ri_ticker_set(RiTicker *t, bool on)
{
    if (!on) { /* seen before the next tick but one */
        t->on = false;
        return;
    }
    pthread_mutex_lock(&t->mutex);
    t->on = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
}

uint64_t ri_ticker_cpu_ns(const RiTicker *t)
{
    return t != NULL ? t->cpu_ns : 0;
}

void ri_ticker_free(RiTicker *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->mutex);
    t->ends = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}
