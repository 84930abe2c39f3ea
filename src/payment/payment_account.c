#include "payment/payment_account.h"

#include <string.h>

static bool
amounts_valid(const struct account *account)
{
    return money_valid(account->balance) && account->balance.minor >= 0 &&
           money_valid(account->opened) && account->opened.minor >= 0 &&
           money_valid(account->credited) && account->credited.minor >= 0 &&
           money_valid(account->paid) && account->refunded.minor >= 0 &&
           account->refunded.minor <= account->paid.minor;
}

bool
account_lawful(const struct account *account)
{
    struct money put_in;

    return amounts_valid(account) &&
           money_add(account->opened, account->credited, &put_in) &&
           put_in.minor - account->paid.minor + account->refunded.minor ==
               account->balance.minor;
}

enum refusal
account_open(struct account *account, struct user_id user,
             struct money amount, const char *currency)
{
    if (account->exists)
        return REFUSAL_DUPLICATE;
    if (!money_valid(amount) || amount.minor < 0)
        return REFUSAL_LIMIT;
    memset(account, 0, sizeof *account);
    account->exists = true;
    account->user = user;
    account->opened = amount;
    account->balance = amount;
    memcpy(account->currency, currency, sizeof account->currency - 1);
    invariant(account_lawful(account));
    return REFUSAL_NONE;
}

enum refusal
account_credit(struct account *account, struct money amount)
{
    struct money credited, put_in;

    if (!account->exists)
        return REFUSAL_UNKNOWN_USER;
    if (amount.minor <= 0 ||
        !money_add(account->credited, amount, &credited) ||
        !money_add(account->opened, credited, &put_in))
        return REFUSAL_LIMIT;
    account->credited = credited;
    account->balance.minor += amount.minor;
    invariant(account_lawful(account));
    return REFUSAL_NONE;
}

enum refusal
account_freeze(struct account *account)
{
    if (!account->exists)
        return REFUSAL_UNKNOWN_USER;
    account->frozen = true;
    return REFUSAL_NONE;
}

enum refusal
account_thaw(struct account *account)
{
    if (!account->exists)
        return REFUSAL_UNKNOWN_USER;
    account->frozen = false;
    return REFUSAL_NONE;
}

enum refusal
account_pay(struct account *account, struct money price, const char *currency,
            enum refusal standing)
{
    struct money paid;

    if (!account->exists)
        return REFUSAL_UNKNOWN_USER;
    if (account->frozen)
        return REFUSAL_FROZEN;
    if (memcmp(account->currency, currency, sizeof account->currency) != 0)
        return REFUSAL_CURRENCY;
    if (standing != REFUSAL_NONE)
        return standing;
    if (price.minor > account->balance.minor)
        return REFUSAL_CREDIT;
    if (price.minor <= 0 || !money_add(account->paid, price, &paid))
        return REFUSAL_LIMIT;
    account->paid = paid;
    account->balance.minor -= price.minor;
    invariant(account_lawful(account));
    return REFUSAL_NONE;
}

void
account_refund(struct account *account, struct money price)
{
    invariant(account->exists && price.minor > 0);
    invariant(price.minor <= account->paid.minor - account->refunded.minor);
    account->refunded.minor += price.minor;
    account->balance.minor += price.minor;
    invariant(account_lawful(account));
}
