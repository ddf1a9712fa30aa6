/**
 * The scripts with which a host reads what the others wrote. Another host may have written anything below its own name,
 * so the engine hands over only what can be right: names of hosts, tables that are not too large, short values. With
 * that, a reply stays below what a connection takes (reply.ts), whatever somebody has written.
 */

/** More servers than this are not looked at. */
export const MOST_HOSTS = 1000;
/** A host's table with more entries than this is not read. */
const MOST_ENTRIES = 20_000;
/** A longer value is not read, bytes. */
const LONGEST_VALUE = 4096;
/** A longer key in a stream is none, characters. */
export const LONGEST_KEY = 1024;
/** Of a host's table with more than that nothing is read, bytes: 20,000 blocks are less. */
const LARGEST_TABLE = 5 * 1024 * 1024;
/** A reply that has so many bytes ends with the host that was read last. */
const ENOUGH = 4 * 1024 * 1024;

/** For both scripts: `read`, which gives nil where another host has something of another type, and `listHosts`. */
export const READERS = `
local function read(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then return nil end
  return reply
end

local function listHosts(prefix)
  local all, hosts = redis.call('SMEMBERS', prefix .. 'hosts'), {}
  table.sort(all)
  for _, host in ipairs(all) do
    local isName = #host <= 63 and string.match(host, '^[%w_][%w._-]*$')
    -- Anybody may add a name; only the host itself can write below it.
    local isThere = #all <= ${MOST_HOSTS} or (isName and (read('HLEN', prefix .. host .. ':host') or 0) > 0)
    if isName and isThere and #hosts < ${MOST_HOSTS} then hosts[#hosts + 1] = host end
  end
  return hosts
end
`;

/**
 * ARGV: prefix, JSON: hosts (none: only list them), names of tables, keys (none: all). Returns the names of all hosts
 * if no host was given; or else, for each host, for each table: keys and values in turn. Hosts that are missing at the
 * end have to be asked for again, so that the reply is not too long.
 */
export const READ_SCRIPT = `${READERS}
local prefix, asked = ARGV[1], cjson.decode(ARGV[2])
if #asked.hosts == 0 then return listHosts(prefix) end

local bytes = 0
local function readTable(name)
  local found, size = {}, 0
  local function add(key, value)
    size = size + #key + #value
    found[#found + 1] = key
    found[#found + 1] = value
  end
  if #asked.keys == 0 then
    local all = (read('HLEN', name) or 0) <= ${MOST_ENTRIES} and read('HGETALL', name) or {}
    for at = 1, #all, 2 do
      if #all[at] <= ${LONGEST_VALUE} and #all[at + 1] <= ${LONGEST_VALUE} then
        add(all[at], all[at + 1])
      end
    end
  end
  for _, key in ipairs(asked.keys) do
    local length = read('HSTRLEN', name, key) or 0
    if length > 0 and length <= ${LONGEST_VALUE} then add(key, redis.call('HGET', name, key)) end
  end
  if size > ${LARGEST_TABLE} then return {} end
  bytes = bytes + size
  return found
end

local replies = {}
for _, host in ipairs(asked.hosts) do
  local tables = {}
  for _, name in ipairs(asked.tables) do tables[#tables + 1] = readTable(prefix .. host .. ':' .. name) end
  replies[#replies + 1] = tables
  if bytes > ${ENOUGH} then break end
end
return replies
`;

/** ARGV: prefix, JSON: hosts. Returns the last entry of each host's stream; empty: what it has there is not a stream. */
export const LAST_SCRIPT = `${READERS}
local last = {}
for _, host in ipairs(cjson.decode(ARGV[2])) do
  local entries = read('XREVRANGE', ARGV[1] .. host .. ':stream', '+', '-', 'COUNT', 1)
  last[#last + 1] = entries and (entries[1] and entries[1][1] or '0-0') or ''
end
return last
`;
