/* Samples by SIGPROF: see sampler.h. */
#define _GNU_SOURCE /* names of registers */
#include "vm/host/sampler.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "vm/host/host.h"

#define STACK_BYTES ((size_t)64 << 10)
#define IDLE_SHARE 8 /* who has run for less than this part of an interval is not worth a sample yet */

struct RiSampler {
    pthread_t watched, thread;
    int64_t clock; /* of the watched thread */
    uint64_t period_ns;
    volatile uint64_t last_ns; /* of that clock, at the last sample */
    volatile bool ends;
    RiSampleFn *sample;
    void *argument;
    struct sigaction before;
};

/* Dispositions of signals belong to the host process, and a handler gets no argument. */
static RiSampler *volatile ri_sampler_now;

#if defined(__x86_64__) && defined(__linux__)

static void get_registers(const ucontext_t *context, RiSampledState *out)
{
    static const int numbers[RI_SAMPLER_REGISTERS] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                                      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (int i = 0; i < RI_SAMPLER_REGISTERS; i++)
        out->gpr[i] = (uintptr_t)context->uc_mcontext.gregs[numbers[i]];
    out->pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    RiSampler *s = ri_sampler_now;
    if (s == NULL || s->ends || !pthread_equal(pthread_self(), s->watched))
        return;
    int error = errno;
    RiSampledState state;
    get_registers(context, &state);
    uint64_t now = ri_host_thread_cpu_ns();
    state.cpu_ns = now - s->last_ns;
    s->last_ns = now;
    s->sample(s->argument, &state);
    errno = error;
}

/* Between 3/4 and 5/4 of the period. */
static uint64_t next_interval(const RiSampler *s, uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return s->period_ns * 3 / 4 + s->period_ns / 2 * (*seed >> 40) / (1u << 24);
}

static void *run(void *argument)
{
    RiSampler *s = argument;
    uint64_t seed = ri_host_random_seed();
    while (!s->ends) {
        uint64_t ns = next_interval(s, &seed);
        const struct timespec interval = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &interval, NULL);
        uint64_t used = ri_host_thread_clock_ns(s->clock);
        if (!s->ends && used > s->last_ns + s->period_ns / IDLE_SHARE)
            pthread_kill(s->watched, SIGPROF);
    }
    return NULL;
}

static bool take_signal(RiSampler *s)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    return ri_host_give_signal_stack() && sigaction(SIGPROF, &action, &s->before) == 0;
}

static int begin_thread(RiSampler *s)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES > (size_t)PTHREAD_STACK_MIN ? STACK_BYTES : (size_t)PTHREAD_STACK_MIN);
    sigset_t all, before; /* signals are for the other threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->thread, &attributes, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

RiSampler *ri_sampler_start(unsigned hz, RiSampleFn *sample, void *argument)
{
    if (ri_sampler_now != NULL || hz == 0) {
        errno = EBUSY;
        return NULL;
    }
    RiSampler *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (RiSampler){.watched = pthread_self(), .clock = ri_host_thread_clock(), .period_ns = 1000000000u / hz,
                     .last_ns = ri_host_thread_cpu_ns(), .sample = sample, .argument = argument};
    if (s->clock == -1 || !take_signal(s)) {
        free(s);
        errno = ENOSYS;
        return NULL;
    }
    ri_sampler_now = s;
    int error = begin_thread(s);
    if (error != 0) {
        ri_sampler_now = NULL;
        sigaction(SIGPROF, &s->before, NULL);
        free(s);
        errno = error;
        return NULL;
    }
    return s;
}

#else

RiSampler *ri_sampler_start(unsigned hz, RiSampleFn *sample, void *argument)
{
    (void)hz;
    (void)sample;
    (void)argument;
    errno = ENOSYS;
    return NULL;
}

#endif

void ri_sampler_forgive(RiSampler *s)
{
    if (s != NULL)
        s->last_ns = ri_host_thread_cpu_ns();
}

void ri_sampler_stop(RiSampler *s)
{
    if (s == NULL)
        return;
    s->ends = true;
    if (!pthread_equal(pthread_self(), s->watched))
        return; /* the host process is about to end */
    pthread_join(s->thread, NULL);
    ri_sampler_now = NULL;
    struct sigaction ignore; /* one may still be under way */
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPROF, &ignore, NULL);
    free(s);
}
