/* Limits on the memory of an account, and what it is charged for. */
#include "vm/object/collector.h"

void ri_quota_note_growth(RiHeap *heap)
{
    (void)heap;
}

bool ri_quota_admits(RiHeap *heap, size_t size)
{
    (void)heap;
    (void)size;
    return true;
}

void ri_quota_check(RiHeap *heap, size_t size)
{
    (void)heap;
    (void)size;
}

void ri_quota_on_collect(RiCollector *c)
{
    (void)c;
}

bool ri_account_charge(RiAccount *account, int64_t delta)
{
    account->extra_bytes += delta;
    return true;
}

void ri_account_set_limit(RiAccount *account, int64_t limit_bytes)
{
    account->limit_bytes = limit_bytes;
}
