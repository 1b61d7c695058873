/* Program images: see image.h. */
#include "vm/machine/image.h"

#include <errno.h>
#include <stdlib.h>

#include "vm/machine/engine.h"
#include "vm/machine/shm.h"

#define FIRST_PAGE (RI_IMAGE_START >> RI_PAGE_SHIFT)
#define PAGES_MAX ((RI_HEAP_START - RI_IMAGE_START) >> RI_PAGE_SHIFT)

/* One that some process has mapped. */
typedef struct RiImage {
    struct RiImage *next;
    RiMachine *machine;
    const void *program; /* the engine's word for it; alive while a process that runs it is */
    RiSegment *segment;  /* whose regions hold it */
    void (*destroy_segment)(RiMapObject *object);
} RiImage;

static RiImage **find_segment(RiMachine *machine, const RiSegment *segment)
{
    RiImage **at = &machine->images;
    while (*at != NULL && (*at)->segment != segment)
        at = &(*at)->next;
    return at;
}

/* The last region that showed it is gone. */
static void destroy_image(RiMapObject *object)
{
    RiSegment *segment = (RiSegment *)(void *)object;
    RiImage **at = find_segment(segment->frames->machine, segment), *image = *at;
    void (*destroy_segment)(RiMapObject *) = image->destroy_segment;
    *at = image->next;
    free(image);
    destroy_segment(object);
}

static RiImage *find_program(const RiMachine *machine, const void *program)
{
    RiImage *image = machine->images;
    while (image != NULL && image->program != program)
        image = image->next;
    return image;
}

typedef struct Saving {
    RiSpace *space;
    RiSegment *segment;
} Saving;

/* The engine has the chunk. */
static bool take_chunk(void *context, const void *bytes, size_t size)
{
    Saving *saving = context;
    uint64_t pages = (size + RI_PAGE_BYTES - 1) >> RI_PAGE_SHIFT;
    if (size == 0 || pages > PAGES_MAX)
        return false;
    saving->segment = ri_segment_new(saving->space->frames, saving->space->proc, (uint32_t)pages);
    if (saving->segment == NULL)
        return false;
    saving->segment->size = size;
    return ri_segment_write(saving->segment, 0, bytes, size);
}

/* A new image, with one reference of its segment. NULL: no memory. */
static RiImage *make_image(RiSpace *space, const void *program)
{
    RiMachine *machine = space->machine;
    Saving saving = {.space = space};
    RiImage *image = malloc(sizeof *image);
    bool saved = image != NULL && machine->engine->save_program(space->proc, take_chunk, &saving);
    if (!saved) {
        if (saving.segment != NULL)
            ri_mapobject_unref(&saving.segment->object);
        free(image);
        return NULL;
    }
    *image = (RiImage){machine->images, machine, program, saving.segment, saving.segment->object.destroy};
    saving.segment->object.destroy = destroy_image;
    machine->images = image;
    return image;
}

/* Show it in a space; takes one reference. */
static int show(RiSpace *space, RiSegment *segment)
{
    const RiRegion region = {.first = FIRST_PAGE, .end = FIRST_PAGE + segment->page_count, .kind = RI_REGION_SEGMENT,
                             .prot = RI_PROT_READ, .prot_max = RI_PROT_READ, .flags = RI_REGION_SYSTEM | RI_REGION_SHARED,
                             .object = &segment->object};
    if (ri_region_insert(&space->regions, &region))
        return 0;
    ri_mapobject_unref(&segment->object);
    return -ENOMEM;
}

int ri_image_map(RiSpace *space)
{
    RiProc *proc = space->proc;
    const RiEngine *engine = space->machine->engine;
    if (space->has_image)
        return 0;
    const void *program = proc != NULL && engine != NULL && engine->program != NULL ? engine->program(proc) : NULL;
    if (program == NULL)
        return -ENOENT;
    space->has_image = true; /* saving it may touch memory, but not this */
    RiImage *image = find_program(space->machine, program);
    int status;
    if (image != NULL) {
        ri_mapobject_ref(&image->segment->object);
        status = show(space, image->segment);
    } else {
        image = make_image(space, program);
        status = image != NULL ? show(space, image->segment) : -ENOMEM;
    }
    space->has_image = status == 0;
    return status;
}

static RiRegion *region_of(RiSpace *space)
{
    RiRegion *region = space->has_image ? ri_region_find(&space->regions, FIRST_PAGE) : NULL;
    return region != NULL && region->kind == RI_REGION_SEGMENT && region->flags & RI_REGION_SYSTEM ? region : NULL;
}

uint64_t ri_image_size(RiSpace *space)
{
    const RiRegion *region = region_of(space);
    return region != NULL ? ((const RiSegment *)(const void *)region->object)->size : 0;
}
