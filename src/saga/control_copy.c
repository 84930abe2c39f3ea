#include "saga/control_copy.h"

static bool
refuse(struct text_writer *reply, const char *words)
{
    json_put_text(reply, "error", words);
    return false;
}

bool
control_copy_begin(struct control_copy *copy, struct store *store,
                   const struct control_request *request,
                   struct text_writer *reply)
{
    enum rc rc;

    if (request->argument[0] != '/')
        return refuse(reply, "where to? the directory's whole path");
    rc = store_backup_start(store, request->argument);
    if (rc == RC_BUSY)
        return refuse(reply, "another copy is being made");
    if (rc != RC_OK)
        return refuse(reply, "this path is too long");
    copy->under_way = true;
    copy->client = request->client;
    return true;
}

static const char *
reply_of(enum rc rc)
{
    switch ((int)rc) {
    case RC_OK:
        return "{\"copied\":true}";
    case RC_EXISTS:
        return "{\"error\":\"no copy: this directory is there already\"}";
    case RC_REFUSED:
        return "{\"error\":\"no copy: this process can't write there; below "
               "the home it can\"}";
    case RC_NO_SPACE:
        return "{\"error\":\"no copy: no space is left on that disk\"}";
    default:
        return "{\"error\":\"no copy: see the process's log\"}";
    }
}

void
control_copy_answer(struct control_copy *copy, struct store *store,
                    struct control *control)
{
    const char *reply;
    enum rc rc;

    if (!copy->under_way)
        return;
    rc = store_backup_poll(store);
    if (rc == RC_AGAIN)
        return;
    copy->under_way = false;
    reply = reply_of(rc);
    control_reply(control, copy->client, reply, strlen(reply));
}
