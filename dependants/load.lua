-- What wrk asks: `wrk ... -s load.lua URL -- DEPTH` sends DEPTH requests at a time down each
-- connection. What it found is one line of JSON at the end, next to its own table.

local requests

function init(arguments)
   local depth = tonumber(arguments[1])
   local one = wrk.format("GET", "/")
   requests = one:rep(depth)
end

function request()
   return requests
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      'summary {"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":' ..
      '{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
