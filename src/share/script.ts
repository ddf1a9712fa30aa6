import { READERS } from './read-script.ts';

/** More events than this are not taken of one host within an hour: about 200 bytes each. */
const MOST_AN_HOUR = 300_000;

/**
 * The script that the engine runs for each batch of a host. The engine runs one script at a time, so whatever the
 * hosts send in whatever order, each verdict falls once.
 *
 * Keys, all below the prefix; only `hosts` is written by more than its own host:
 *
 *     hosts                     set: the hosts that have ever sent a batch
 *     HOST:host                 hash: last row that was taken (`upto`), time of the last batch (`seen`), clock and so on,
 *                               how many events were taken in this hour (`taken`: `HOUR NUMBER`)
 *     HOST:c:RULE:KEY           sorted set: what the host counted for a key; score: time in ms, member: see member.ts
 *     HOST:blocks               hash by key: `START END JSON`, END 0 for "until released"
 *     HOST:released             hash by key: `TIME JSON`: blocks that began until then (ms, engine) are released, on all
 *                               hosts
 *     HOST:sums                 hash by `HOUR RULE` (hours since the epoch): how many events the host counted
 *     HOST:stream               stream: names of the keys whose block or release has changed
 *
 * ARGV: prefix, host, number of the last row that the host knows to be taken, number of the last row of this batch,
 * skew (ms), batch as JSON. Returns the engine's time (ms), the last row that was taken before, how many rows had
 * a time from the future, and how many events were too many. If rows are missing that were taken before (the engine was
 * emptied, or is an older copy), nothing is done: the host has to send again.
 *
 * What another host wrote may be anything: what cannot be read counts as absent, so that no host stops the others.
 */
export const BATCH_SCRIPT = `${READERS}
local prefix, host, expected, upto = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local skew, batch = tonumber(ARGV[5]), cjson.decode(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mine = prefix .. host .. ':'
local before = tonumber(redis.call('HGET', mine .. 'host', 'upto') or '0')
if before < expected then return { now, before, 0, 0 } end

if redis.call('SISMEMBER', prefix .. 'hosts', host) == 0 then redis.call('SADD', prefix .. 'hosts', host) end
local hosts = #batch.rows > 0 and listHosts(prefix) or {}
local clamped, refused = 0, 0
local hour = math.floor(now / 3600000)
local takenHour, taken = string.match(redis.call('HGET', mine .. 'host', 'taken') or '', '^(%d+) (%d+)$')
taken = tonumber(takenHour) == hour and tonumber(taken) or 0

-- A time in ms that is not in the future; nil for anything else.
local function past(text)
  local digits = text and #text <= 15 and string.match(text, '^%d+$')
  local at = digits and tonumber(digits)
  if at and at <= now + skew then return at end
end

-- Whether a key is blocked, and up to when (ms) what was counted for it does not count any more. By key.
local known = {}
local function look(key)
  local state = known[key]
  if state then return state end
  state = { since = 0, blocked = false }
  local blocks = {}
  for _, other in ipairs(hosts) do
    local released = read('HGET', prefix .. other .. ':released', key)
    local at = past(released and string.match(released, '^%d+'))
    if at then state.since = math.max(state.since, at) end
    local block = read('HGET', prefix .. other .. ':blocks', key)
    if block then blocks[#blocks + 1] = block end
  end
  for _, block in ipairs(blocks) do
    local start, stop = string.match(block, '^(%d+) (%d+) ')
    start, stop = past(start), tonumber(stop)
    if start and start > state.since and (stop == 0 or stop > now) then state.blocked = true end
  end
  known[key] = state
  return state
end

local function say(key)
  redis.call('XADD', mine .. 'stream', 'MAXLEN', '~', 10000, '*', 'key', key)
end

local function begin(key, start, stop, about)
  redis.call('HSET', mine .. 'blocks', key, string.format('%.0f %.0f ', start, stop) .. about)
  look(key).blocked = true
  say(key)
end

-- Events: enough of them within the period, among the neighbours of the new one?
local function findSum(name, at, since, limit, period)
  local found = {}
  for _, other in ipairs(hosts) do
    local set = prefix .. other .. name
    local low = '(' .. string.format('%.0f', math.max(at - period, since))
    for _, side in ipairs({
      read('ZRANGE', set, string.format('%.0f', at), low, 'BYSCORE', 'REV', 'LIMIT', 0, limit, 'WITHSCORES') or {},
      read('ZRANGE', set, string.format('(%.0f', at), string.format('(%.0f', at + period),
        'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES') or {}
    }) do
      for index = 2, #side, 2 do found[#found + 1] = tonumber(side[index]) end
    end
  end
  table.sort(found)
  for last = limit, #found do
    if found[last] - found[last - limit + 1] < period then return found[last] end
  end
end

local VALUE = 8

-- Different values: enough of them within the period? Everything around the new one is looked at.
local function findDistinct(name, at, since, limit, period)
  local found = {}
  for _, other in ipairs(hosts) do
    local range = read('ZRANGE', prefix .. other .. name,
      '(' .. string.format('%.0f', math.max(at - period, since)), string.format('(%.0f', at + period),
      'BYSCORE', 'WITHSCORES') or {}
    for index = 1, #range, 2 do
      found[#found + 1] = { tonumber(range[index + 1]), string.sub(range[index], 1, VALUE) }
    end
  end
  table.sort(found, function (a, b) return a[1] < b[1] end)
  local counts, different, first = {}, 0, 1
  for last = 1, #found do
    local value = found[last][2]
    counts[value] = (counts[value] or 0) + 1
    if counts[value] == 1 then different = different + 1 end
    while found[first][1] <= found[last][1] - period do
      local old = found[first][2]
      counts[old] = counts[old] - 1
      if counts[old] == 0 then different = different - 1 end
      first = first + 1
    end
    if different >= limit then return found[last][1] end
  end
end

-- Of three entries of one value, the middle one says nothing if the outer two are at most the shortest period apart:
-- every window that holds it holds one of them, or is no better than the next one.
local function thin(set, at, value, period)
  local range = redis.call('ZRANGE', set, string.format('%.0f', at - period), string.format('%.0f', at + period),
    'BYSCORE', 'WITHSCORES')
  local same = {}
  for index = 1, #range, 2 do
    if string.sub(range[index], 1, VALUE) == value then
      same[#same + 1] = { range[index], tonumber(range[index + 1]) }
    end
  end
  local middle = 2
  while middle < #same do
    if same[middle + 1][2] - same[middle - 1][2] <= period then
      redis.call('ZREM', set, same[middle][1])
      table.remove(same, middle)
    else
      middle = middle + 1
    end
  end
end

-- What each host counted in the window: events, or its own different values.
local function countByHost(name, at, period, since, distinct)
  local counts = {}
  local low = '(' .. string.format('%.0f', math.max(at - period, since))
  for _, other in ipairs(hosts) do
    local members = read('ZRANGE', prefix .. other .. name, low, string.format('%.0f', at), 'BYSCORE') or {}
    local seen, count = {}, 0
    for _, member in ipairs(members) do
      local value = distinct and string.sub(member, 1, VALUE) or member
      if not seen[value] then count = count + 1 end
      seen[value] = true
    end
    if count > 0 then counts[other] = count end
  end
  return counts
end

-- How many events this batch added, by hour and rule.
local added = {}

-- { 'count', number of the rule, key, time, member, duration of a block (ms; 0: until released) }
local function count(row)
  local rule, key, at = batch.rules[row[2] + 1], row[3], row[4]
  if at > now + skew then
    at = now + skew
    clamped = clamped + 1
  end
  local state = look(key)
  if state.blocked or at <= state.since or at <= now - rule.keep then return end
  if taken >= ${MOST_AN_HOUR} then
    refused = refused + 1
    return
  end
  local name = ':c:' .. rule.name .. ':' .. key
  local set = prefix .. host .. name
  if redis.call('ZADD', set, 'NX', string.format('%.0f', at), row[5]) == 0 then return end
  taken = taken + 1
  redis.call('PEXPIRE', set, rule.keep)
  local sum = string.format('%.0f ', math.floor(at / 3600000)) .. rule.name
  added[sum] = (added[sum] or 0) + 1
  local total = 0
  for _, other in ipairs(hosts) do total = total + (read('ZCARD', prefix .. other .. name) or 0) end
  if total < rule.least then return end
  redis.call('ZREMRANGEBYSCORE', set, '-inf', string.format('%.0f', now - rule.keep))
  local find = rule.distinct and findDistinct or findSum
  for _, limit in ipairs(rule.limits) do
    local met = find(name, at, state.since, limit[1], limit[2])
    if met then
      local stop = row[6] > 0 and now + row[6] or 0
      -- A release in this very millisecond was before it.
      begin(key, math.max(now, state.since + 1), stop, cjson.encode({
        rule = rule.name, time = met, count = limit[1], limit = limit[1], period = limit[2],
        hosts = countByHost(name, met, limit[2], state.since, rule.distinct)
      }))
      return
    end
  end
  if rule.distinct then thin(set, at, string.sub(row[5], 1, VALUE), rule.shortest) end
end

-- { 'block', key, start, end (0: until released), about as JSON }
local function block(row)
  local key, start = row[2], math.min(row[3], now)
  local state = look(key)
  if state.blocked or start <= state.since then return end
  begin(key, start, row[4], row[5])
end

-- { 'release', key, time, about as JSON }
local function release(row)
  local key, at = row[2], math.min(row[3], now)
  if look(key).since >= at then return end
  redis.call('HSET', mine .. 'released', key, string.format('%.0f ', at) .. row[4])
  local own = redis.call('HGET', mine .. 'blocks', key)
  if own and tonumber(string.match(own, '^%d+')) <= at then redis.call('HDEL', mine .. 'blocks', key) end
  known[key] = nil
  say(key)
end

-- { 'tidy', time }: forgets the host's own blocks that have ended, and its releases and sums from before that time.
local function tidy(row)
  local own = redis.call('HGETALL', mine .. 'blocks')
  for index = 1, #own, 2 do
    local start, stop = string.match(own[index + 1], '^(%d+) (%d+) ')
    local isOver = tonumber(start) <= look(own[index]).since or (tonumber(stop) > 0 and tonumber(stop) <= now)
    if isOver then redis.call('HDEL', mine .. 'blocks', own[index]) end
  end
  local released = redis.call('HGETALL', mine .. 'released')
  for index = 1, #released, 2 do
    local at = tonumber(string.match(released[index + 1], '^%d+'))
    if at < row[2] then redis.call('HDEL', mine .. 'released', released[index]) end
  end
  for _, sum in ipairs(redis.call('HKEYS', mine .. 'sums')) do
    if tonumber(string.match(sum, '^%d+')) * 3600000 < row[2] then redis.call('HDEL', mine .. 'sums', sum) end
  end
end

local KINDS = { count = count, block = block, release = release, tidy = tidy }
for _, row in ipairs(batch.rows) do KINDS[row[1]](row) end
-- Not HINCRBY: a key may be read under one pattern of the ACL and written under another, but not both in one command.
for sum, number in pairs(added) do
  local old = tonumber(redis.call('HGET', mine .. 'sums', sum) or '0') or 0
  redis.call('HSET', mine .. 'sums', sum, string.format('%.0f', old + number))
end
redis.call('HSET', mine .. 'host', 'upto', string.format('%.0f', upto), 'seen', string.format('%.0f', now),
  'about', batch.about, 'taken', string.format('%.0f %.0f', hour, taken))
return { now, before, clamped, refused }
`;
