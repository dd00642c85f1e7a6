/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t weight(const struct work *work)
{
        return strlen(work->activity) + strlen(work->text) + work->length + 3;
}

int work_put(struct work_queue *queue, const struct work *model)
{
        size_t activity = model->activity ? strlen(model->activity) : 0;
        size_t text = model->text ? strlen(model->text) : 0;
        size_t bytes = activity + text + model->length + 3;
        struct work *work;
        char *p;

        if (queue->n >= WORK_MAX || bytes > WORK_BYTES_MAX - queue->n_bytes)
                return -ENOBUFS;
        work = malloc(sizeof(*work) + bytes);
        if (!work)
                return -ENOMEM;
        *work = *model;
        work->next = NULL;

        p = memset(work->copies, 0, bytes);
        work->activity = memcpy(p, model->activity ? model->activity : "", activity);
        p += activity + 1;
        work->text = memcpy(p, model->text ? model->text : "", text);
        p += text + 1;
        work->bytes = memcpy(p, model->bytes ? model->bytes : "", model->length);

        if (queue->last)
                queue->last->next = work;
        else
                queue->first = work;
        queue->last = work;
        queue->n++;
        queue->n_bytes += bytes;
        return 0;
}

struct work *work_take(struct work_queue *queue)
{
        struct work *work = queue->first;

        if (!work)
                return NULL;
        queue->first = work->next;
        if (!queue->first)
                queue->last = NULL;
        queue->n--;
        queue->n_bytes -= weight(work);
        return work;
}

void work_clear(struct work_queue *queue)
{
        struct work *work;

        while ((work = work_take(queue)))
                free(work);
}
