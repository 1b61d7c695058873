/* A clock that calls from a thread of its own, as a timer interrupt: no signal, so nothing of the host program is
 * interrupted. */
#ifndef RI_HOST_TICKER_H
#define RI_HOST_TICKER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct RiTicker RiTicker;

/* Every period_ns while it is on, tick(argument) is called from another thread: it may only set flags. Off at first.
 * NULL if there is no memory or no thread to be had. */
RiTicker *ri_ticker_new(uint64_t period_ns, void (*tick)(void *argument), void *argument);
void ri_ticker_set(RiTicker *ticker, bool on);
/* Processor time that the ticks have taken, up to the last but one or so. NULL: none. */
uint64_t ri_ticker_cpu_ns(const RiTicker *ticker);
/* Ends the thread. NULL is ignored. */
void ri_ticker_free(RiTicker *ticker);

#endif
