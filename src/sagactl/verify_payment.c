#include "sagactl/verify.h"
#include "sagactl/verify_rows.h"

static enum rc
on_account(struct verify *verify, void *context, const struct store_row *row)
{
    struct account account;
    struct user_facts *user;
    uint64_t id;
    enum rc rc;

    (void)context;
    if (!verify_read_id(row->key, row->key_bytes, &id) ||
        !verify_read_account(row->value, row->bytes, &account) ||
        account.user.value != id) {
        verify_differs(verify->report, CHECK_PAYMENT_LAW,
                       "a row of accounts that can't be read");
        return RC_OK;
    }
    rc = verify_user(verify, id, &user);
    if (rc != RC_OK)
        return rc;
    verify_looked(verify->report, CHECK_PAYMENT_LAW, 1);
    verify_looked(verify->report, CHECK_PAYMENT_SUMS, 1);
    user->facts |= FACT(USER_FACT_ACCOUNT);
    if (account.frozen)
        user->facts |= FACT(USER_FACT_FROZEN);
    user->balance = account.balance.minor;
    user->row = (struct user_sums){ account.opened.minor,
                                    account.credited.minor,
                                    account.paid.minor,
                                    account.refunded.minor };
    return RC_OK;
}

static enum rc
on_order(struct verify *verify, void *context, const struct store_row *row)
{
    struct payment_order payment;
    struct order_facts *order;
    uint64_t id;
    enum rc rc;

    (void)context;
    if (!verify_read_id(row->key, row->key_bytes, &id) ||
        !verify_read_payment(row->value, row->bytes, &payment)) {
        verify_differs(verify->report, CHECK_PAYMENT_ORDERS,
                       "a row of payments that can't be read");
        return RC_OK;
    }
    rc = verify_order(verify, id, &order);
    if (rc != RC_OK)
        return rc;
    verify_looked(verify->report, CHECK_PAYMENT_ORDERS, 1);
    order->payment_status = (uint8_t)payment.status;
    if (payment.status != PAYMENT_ORDER_CANCELLED && order->user != 0)
        verify_content(verify, CHECK_PAYMENT_ORDERS, order, payment.user.value,
                       payment.price.minor, "payment's row");
    return RC_OK;
}

static enum rc
on_credit(struct verify *verify, void *context, const struct store_row *row)
{
    struct payment_credit credit;
    struct user_facts *user;
    uint64_t id;
    enum rc rc;

    (void)context;
    if (!verify_read_id(row->key, row->key_bytes, &id) ||
        !verify_read_credit(row->value, row->bytes, &credit)) {
        verify_differs(verify->report, CHECK_PAYMENT_CREDITS,
                       "a row of credits that can't be read");
        return RC_OK;
    }
    verify_looked(verify->report, CHECK_PAYMENT_CREDITS, 1);
    if (credit.reason != REFUSAL_NONE)
        return RC_OK;
    rc = verify_user(verify, credit.user.value, &user);
    if (rc == RC_OK)
        user_sum_add(&user->credits, credit.amount.minor);
    return rc;
}

enum rc
verify_payment(struct verify *verify)
{
    struct store *store = verify_actor(verify, PROCESS_PAYMENT)->store;
    enum rc rc = verify_walk(verify, store, "accounts", on_account, NULL);

    if (rc == RC_OK)
        rc = verify_walk_packed(verify, store, "payments", on_order, NULL);
    if (rc == RC_OK)
        rc = verify_walk(verify, store, "credits", on_credit, NULL);
    return rc;
}
