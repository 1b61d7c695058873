/* A profiler's clock: now and then it interrupts a host thread where it stands, by SIGPROF, and shows its registers.
 *
 * The times are those of a thread of its own, which looks how much processor time the watched one has used: who sleeps is not
 * interrupted. (Timers on processor time, as the host has them, go by its tick: 4 ms are too long.) Intervals vary a little, so
 * that they keep no step with a program's rounds. */
#ifndef RI_HOST_SAMPLER_H
#define RI_HOST_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#define RI_SAMPLER_REGISTERS 16

typedef struct RiSampledState {
    uintptr_t pc;
    uintptr_t gpr[RI_SAMPLER_REGISTERS]; /* by the processor's numbers: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 … r15 */
    uint64_t cpu_ns; /* processor time of the thread since the sample before */
} RiSampledState;

/* Called in the signal handler, on the alternate stack: may only read, and write to what is there already. */
typedef void RiSampleFn(void *argument, const RiSampledState *state);

typedef struct RiSampler RiSampler;

/* Watch the calling thread, `hz` (1 to 20,000) times in a second of its processor time. There is at most one in the host
 * process. NULL with errno: there is one already, no thread or memory is to be had, or this host or processor has no such thing
 * (ENOSYS). */
RiSampler *ri_sampler_start(unsigned hz, RiSampleFn *sample, void *argument);
/* What the watched thread, the caller, has done since the last sample is not to be counted: its own doing for the profile. */
void ri_sampler_forgive(RiSampler *sampler);
/* No sample is taken any more when it returns to the watched thread; from another thread: none is begun. NULL is ignored. */
void ri_sampler_stop(RiSampler *sampler);

#endif
