-- post.lua - wrk posts orders: product 1, a random one of USERS users
--
-- Each thread draws from its own seed, and the requests are made once, so that
-- wrk itself costs as little as it can.

local users = tonumber(os.getenv("USERS") or "1000")
local first = tonumber(os.getenv("FIRST_USER") or "1001")
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
    thread:set("number", #threads)
end

function init(arguments)
    math.randomseed(7919 * number)
    local headers = { ["Content-Type"] = "application/json" }
    requests = {}
    for user = first, first + users - 1 do
        requests[#requests + 1] = wrk.format("POST", "/orders", headers,
            string.format('{"userId":%d,"productId":1}', user))
    end
end

function request()
    return requests[math.random(#requests)]
end

-- One line that bench/run.sh reads.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        "bench requests=%d duration_us=%d p50_us=%d p99_us=%d max_us=%d " ..
        "refused=%d socket_errors=%d\n",
        summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), latency.max, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
