/* Processes made like another one. Opening the libraries takes longer than most small processes live, and what it
 * makes is the same every time. So it is done once a heap, in a process that never runs anything; a *template* of what
 * is there afterwards makes all later processes of the heap.
 *
 * A template is the list of the pieces (tables, userdata, functions with upvalues) that the libraries made, with models
 * to copy from and the references among them. A table of nothing but functions, numbers and strings is not even copied:
 * the process gets a header that shares the model's fields until it stores to one (RI_TABLE_SHARED). */
#ifndef RI_EXEC_TEMPLATE_H
#define RI_EXEC_TEMPLATE_H

#include "vm/exec/state.h"

/* Make heap->process_template from `source`, whose libraries have been opened and which has run nothing since. What can
 * be copied: tables with string keys and array parts, userdata without user values whose words are data or point to
 * pieces, library functions with upvalues; everything else counts as immutable and shared. Objects with finalizers are
 * copied as objects without. Collects. Traps: not enough memory; false if there is something that cannot be copied. */
bool ri_template_capture(RiProcess *source);

/* Is `process` as ri_process_new has made it, so that its heap's template can make its libraries? */
bool ri_template_fits(const RiProcess *process);

/* Give such a process what the template holds, as the opening of the libraries would. Collects. Traps: not enough memory;
 * then all or nothing is there, and the libraries can be opened one by one. */
void ri_template_fill(RiProcess *process);

/* A new process of the heap, from its template, which must be there: as ri_process_new and the opening of the libraries
 * make it, but it does not become the running one. ri_account_close(&process->account) lets it go. NULL if memory is short.
 * Collects. */
RiProcess *ri_process_new_like(RiHeap *heap, const RiProcess *like);

#endif
