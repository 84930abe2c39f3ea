#include <inttypes.h>
#include <stdio.h>

#include "sagactl/verify.h"

/* ---- facts ---- */

static const char *
payment_word(unsigned status)
{
    static const char *const words[PAYMENT_ORDER_STATUS_COUNT] = {
        [PAYMENT_ORDER_UNKNOWN] = "-",
        [PAYMENT_ORDER_APPROVED] = "APPROVED",
        [PAYMENT_ORDER_DECLINED] = "DECLINED",
        [PAYMENT_ORDER_REFUNDED] = "REFUNDED",
        [PAYMENT_ORDER_CANCELLED] = "CANCELLED",
    };

    return words[status];
}

static const char *
ledger_word(unsigned status)
{
    static const char *const words[LEDGER_ORDER_STATUS_COUNT] = {
        [LEDGER_ORDER_NONE] = "-",
        [LEDGER_ORDER_BOOKED] = "BOOKED",
        [LEDGER_ORDER_UNBOOKED] = "UNBOOKED",
        [LEDGER_ORDER_REVERSED] = "REVERSED",
        [LEDGER_ORDER_REFUSED] = "REFUSED",
        [LEDGER_ORDER_RETURNED] = "RETURNED",
    };

    return words[status];
}

static void
judge_order(struct verify *verify, const struct order_facts *order)
{
    const char *status =
        order_status_name((enum order_status)order->gateway_status);
    uint64_t faults = order_faults(order);

    for (int i = 0; faults != 0 && i < ORDER_FAULT_COUNT; i++) {
        const struct fault_info *fault = &order_fault_infos[i];

        if ((faults & FACT(i)) == 0 || !verify_has(verify, fault->needs))
            continue;
        verify_differs(verify->report, fault->check,
                       "order %" PRIu64 ": %s (user=%" PRIu64 " minor=%" PRId64
                       " gateway=%s payment=%s ledger=%s)",
                       order->id, fault->words, order->user, order->price,
                       *status != '\0' ? status : "-",
                       payment_word(order->payment_status),
                       ledger_word(order->ledger_status));
    }
    if ((order->facts & FACT(FACT_SUCCESSFUL_READ)) != 0 &&
        (order->facts &
         (FACT(FACT_GATEWAY_TRANSACTION) | FACT(FACT_PARKED_GATEWAY))) == 0 &&
        verify_has(verify, NEEDS_TRANSACTIONS))
        verify_differs(verify->report, CHECK_GATEWAY_TRANSACTIONS,
                       "order %" PRIu64 ": its transaction was read and has "
                       "no row", order->id);
    if (order->facts & FACT(FACT_PURCHASE_READ))
        verify_looked(verify->report, CHECK_PAYMENT_ANSWERS, 1);
    if (order->facts & (FACT(FACT_APPROVED_READ) | FACT(FACT_DECLINED_READ)))
        verify_looked(verify->report, CHECK_LEDGER_ANSWERS, 1);
}

static void
judge_user(struct verify *verify, const struct user_facts *user)
{
    uint64_t faults = user_faults(user);

    for (int i = 0; faults != 0 && i < USER_FAULT_COUNT; i++) {
        const struct fault_info *fault = &user_fault_infos[i];

        if ((faults & FACT(i)) == 0 || !verify_has(verify, fault->needs))
            continue;
        verify_differs(
            verify->report, fault->check,
            "user %" PRIu64 ": %s (account=%" PRId64 " told=%" PRId64
            " ledger=%" PRId64 " told_ledger=%" PRId64 " gateway=%" PRId64
            " told_gateway=%" PRId64 ")",
            user->id, fault->words, user->balance,
            user_sums_balance(&user->told),
            (int64_t)(user->credits_side - user->debits), user->ledger_told,
            user->gateway_balance, user->gateway_told);
    }
    if (user->facts & FACT(USER_FACT_LEDGER_TOLD))
        verify_looked(verify->report, CHECK_LEDGER_AGREES, 1);
}

/* ---- what could not be read ---- */

static bool
covers(const struct verify_span *excuse, const struct verify_span *poison)
{
    return excuse->topic == poison->topic &&
           excuse->partition == poison->partition &&
           excuse->offset <= poison->offset &&
           poison->offset + poison->count <= excuse->offset + excuse->count;
}

/* True if it was set aside, or no consumer has come to it yet. */
static bool
excused(const struct verify *verify, const struct verify_span *poison)
{
    bool passed = false;

    for (uint32_t i = 0; i < verify->excuses.count; i++)
        if (covers(&verify->excuses.items[i], poison))
            return true;
    for (int i = 0; i < VERIFY_ACTORS; i++) {
        const struct verify_read *read = verify_read_of(
            &verify->actors[i], poison->topic, poison->partition);

        passed = passed || (read != NULL && read->offset > poison->offset);
    }
    return !passed;
}

static void
judge_poisons(struct verify *verify)
{
    for (uint32_t i = 0; i < verify->poisons.count; i++) {
        const struct verify_span *poison = &verify->poisons.items[i];

        if (!excused(verify, poison))
            verify_differs(verify->report, CHECK_LOG_EVENTS,
                           "%s/%u: %u events at offset %" PRIu64 " can't be "
                           "read, and nobody has parked them",
                           topic_routes[poison->topic].name, poison->partition,
                           poison->count, poison->offset);
    }
}

/* ---- the run ---- */

static void
judge(struct verify *verify)
{
    for (uint32_t i = 0; i < verify->orders.count; i++)
        judge_order(verify, fact_table_row(&verify->orders, i));
    for (uint32_t i = 0; i < verify->users.count; i++)
        judge_user(verify, fact_table_row(&verify->users, i));
    judge_poisons(verify);
}

/* A check whose topic begins later than its first event. */
static void
skip_checks(struct verify *verify)
{
    for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
        for (int topic = 0; topic < TOPIC_COUNT; topic++)
            if (verify_check_needs((enum verify_check)i) & verify->trimmed &
                (1u << topic))
                verify_skip(verify->report, (enum verify_check)i,
                            "retention took the first events of %s",
                            topic_routes[topic].name);
}

static enum rc
read_all(struct verify *verify)
{
    enum rc rc = verify_log(verify);

    if (rc == RC_OK)
        rc = verify_payment(verify);
    if (rc == RC_OK)
        rc = verify_ledger(verify);
    if (rc == RC_OK)
        rc = verify_gateway(verify);
    return rc;
}

enum rc
verify_run(const struct verify_input *input, struct verify_report *report)
{
    struct verify verify = { .input = input, .report = report };
    enum rc rc = verify_open(&verify);

    if (rc == RC_OK)
        rc = read_all(&verify);
    if (rc != RC_OK) {
        /* What can't be read is not touched again: the process ends. */
        if (rc == RC_DAMAGED)
            snprintf(report->unreadable, sizeof report->unreadable,
                     "a store can't be read: the log lines above say where");
        return rc;
    }
    skip_checks(&verify);
    judge(&verify);
    return verify_close(&verify);
}
