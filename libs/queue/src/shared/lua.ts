/**
 * The lines of a shared queue, in Redis. All scripts get the prefix of the queue's keys as KEYS[1]; time is Redis' own.
 *
 *   line:<user>   sorted set: a user's waiting jobs, by a number that counts up
 *   users         sorted set: users with a line, by when their last turn was
 *   later         sorted set: `<user>/<job>` whose time has not come, by that time (ms); later-of: how many by user
 *   given         hash: turn -> user, from when a turn is given until its job has ended; given-at: when (ms)
 *   attended      hash: the same for work beside the places; attended-until: leases of it (ms)
 *   running       hash: user -> turns and attended work
 *   rooms         hash: room -> `<jobs>/<user>`, kept for jobs that come soon; rooms-until: leases of it (ms)
 *   kept          hash: user -> jobs that room is kept for
 *   workers       sorted set: living processes that perform jobs, by when they count as gone (ms); places: hash
 *   whole         sorted set: those of them that hold back from nothing
 *   seq           counter
 */
const HEAD = `
local p = KEYS[1]
local function key(name) return p .. ':' .. name end
local function line(user) return p .. ':line:' .. user end
local function now() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end
local function count(hash, field, by)
  if redis.call('HINCRBY', key(hash), field, by) <= 0 then redis.call('HDEL', key(hash), field) end
end
local function enter(user, member)
  if redis.call('ZADD', line(user), 'NX', redis.call('INCR', key('seq')), member) == 1 then
    redis.call('ZADD', key('users'), 'NX', redis.call('INCR', key('seq')), user)
  end
end
local function tidy(user)
  if redis.call('ZCARD', line(user)) == 0 then redis.call('ZREM', key('users'), user) end
end
local function drop(hash, times, name)
  local held = redis.call('HGET', key(hash), name)
  redis.call('HDEL', key(hash), name)
  redis.call('ZREM', key(times), name)
  return held
end
local function end_turn(hash, times, turn)
  local user = drop(hash, times, turn)
  if user then count('running', user, -1) end
end
local function over(turn) end_turn('given', 'given-at', turn) end
local function leave(turn) end_turn('attended', 'attended-until', turn) end
local function running(user) return tonumber(redis.call('HGET', key('running'), user) or '0') end
local function waiting()
  local sum = redis.call('ZCARD', key('later'))
  for _, user in ipairs(redis.call('ZRANGE', key('users'), 0, -1)) do sum = sum + redis.call('ZCARD', line(user)) end
  return sum
end
local function waiting_of(user)
  return redis.call('ZCARD', line(user)) + tonumber(redis.call('HGET', key('later-of'), user) or '0')
end
local function leave_room(room)
  local kept = drop('rooms', 'rooms-until', room)
  if not kept then return end
  local slash = string.find(kept, '/', 1, true)
  count('kept', string.sub(kept, slash + 1), -tonumber(string.sub(kept, 1, slash - 1)))
end
local function capacity()
  local sum = 0
  for _, places in ipairs(redis.call('HVALS', key('places'))) do sum = sum + tonumber(places) end
  return sum
end
`;

/** ARGV: user, job, ms until it may begin; again and again. */
export const ADD = `${HEAD}
local time = now()
for at = 1, #ARGV, 3 do
  local user, member, ms = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  if ms <= 0 then enter(user, member)
  elseif redis.call('ZADD', key('later'), time + ms, user .. '/' .. member) == 1 then count('later-of', user, 1) end
end
return redis.status_reply('OK')
`;

/**
 * Gives turns while there are places: to the user who has least running, among equals to the one whose last turn was
 * longest ago. ARGV: limit by user (0: none), turns at most, then turns that are over. Returns turn, user, job; again and
 * again.
 */
export const GIVE = `${HEAD}
local limit, most, time = tonumber(ARGV[1]), tonumber(ARGV[2]), now()
for at = 3, #ARGV do over(ARGV[at]) end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('workers'), '-inf', time)) do
  redis.call('ZREM', key('workers'), name)
  redis.call('HDEL', key('places'), name)
end
for _, turn in ipairs(redis.call('ZRANGEBYSCORE', key('attended-until'), '-inf', time)) do leave(turn) end
for _, room in ipairs(redis.call('ZRANGEBYSCORE', key('rooms-until'), '-inf', time)) do leave_room(room) end
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', key('later'), '-inf', time, 'LIMIT', 0, 500)) do
  redis.call('ZREM', key('later'), entry)
  local slash = string.find(entry, '/', 1, true)
  local user = string.sub(entry, 1, slash - 1)
  count('later-of', user, -1)
  enter(user, string.sub(entry, slash + 1))
end
local free, given = capacity() - redis.call('HLEN', key('given')), {}
while free > 0 and #given < most * 3 do
  local chosen, least
  for _, user in ipairs(redis.call('ZRANGE', key('users'), 0, -1)) do
    local own = running(user)
    if (least == nil or own < least) and (limit == 0 or own < limit) then chosen, least = user, own end
    if least == 0 then break end
  end
  if chosen == nil then break end
  local member = redis.call('ZPOPMIN', line(chosen))[1]
  local number = redis.call('INCR', key('seq'))
  redis.call('ZADD', key('users'), number, chosen)
  tidy(chosen)
  local turn = string.sub(member, 1, 36) .. '.' .. string.format('%.0f', number)
  redis.call('HSET', key('given'), turn, chosen)
  redis.call('ZADD', key('given-at'), time, turn)
  count('running', chosen, 1)
  given[#given + 1] = turn
  given[#given + 1] = chosen
  given[#given + 1] = member
  free = free - 1
end
return given
`;

/** Turns that were given more than ARGV[1] ms ago, the oldest first, with their users. */
export const OLD = `${HEAD}
local old = {}
for _, turn in ipairs(redis.call('ZRANGEBYSCORE', key('given-at'), '-inf', now() - tonumber(ARGV[1]), 'LIMIT', 0, 200)) do
  old[#old + 1] = turn
  old[#old + 1] = redis.call('HGET', key('given'), turn) or ''
end
return old
`;

/**
 * A process lives. ARGV: its name, its places (0: it performs nothing now), 1 where it holds back while another does not, ms,
 * then the attended turns and the rooms that are its own. Returns the places that it is counted with.
 */
export const BEAT = `${HEAD}
local name, places, holds, time = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', now()
local gone = time + tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', key('whole'), '-inf', time)
if holds or places == 0 then redis.call('ZREM', key('whole'), name) end
if holds and redis.call('ZCARD', key('whole')) > 0 then places = 0 end
if places > 0 then
  redis.call('ZADD', key('workers'), gone, name)
  redis.call('HSET', key('places'), name, places)
  if not holds then redis.call('ZADD', key('whole'), gone, name) end
else
  redis.call('ZREM', key('workers'), name)
  redis.call('HDEL', key('places'), name)
end
for at = 5, #ARGV do
  for _, lease in ipairs({ 'attended', 'rooms' }) do
    if redis.call('HEXISTS', key(lease), ARGV[at]) == 1 then redis.call('ZADD', key(lease .. '-until'), gone, ARGV[at]) end
  end
end
return places
`;

/** Counts work beside the places. ARGV: limit by user (0: none), user, turn, ms. 0: the user has as many as the limit. */
export const ATTEND = `${HEAD}
local limit = tonumber(ARGV[1])
if limit > 0 and running(ARGV[2]) >= limit then return 0 end
redis.call('HSET', key('attended'), ARGV[3], ARGV[2])
redis.call('ZADD', key('attended-until'), now() + tonumber(ARGV[4]), ARGV[3])
count('running', ARGV[2], 1)
return 1
`;

/** ARGV: the turn of attended work that is over. */
export const LEAVE = `${HEAD}
leave(ARGV[1])
return redis.status_reply('OK')
`;

/** ARGV: user, job. Returns how many were taken out. */
export const WITHDRAW = `${HEAD}
if redis.call('ZREM', key('later'), ARGV[1] .. '/' .. ARGV[2]) == 1 then count('later-of', ARGV[1], -1) return 1 end
local taken = redis.call('ZREM', line(ARGV[1]), ARGV[2])
tidy(ARGV[1])
return taken
`;

/**
 * A part of a batch: so that others get their turn, not all at once. ARGV: user, ending of its jobs, how many of the line to
 * pass over. Returns how many were taken out, and where to go on (-1: that was all).
 */
export const WITHDRAW_BATCH = `${HEAD}
local user, ending, from, step = ARGV[1], ARGV[2], tonumber(ARGV[3]), 5000
local function isOf(name) return string.sub(name, -#ending) == ending end
local taken = 0
if from == 0 then
  for _, entry in ipairs(redis.call('ZRANGE', key('later'), 0, -1)) do
    if string.sub(entry, 1, #user + 1) == user .. '/' and isOf(entry) then
      redis.call('ZREM', key('later'), entry)
      count('later-of', user, -1)
      taken = taken + 1
    end
  end
end
local members, kept = redis.call('ZRANGE', line(user), from, from + step - 1), 0
for _, member in ipairs(members) do
  if isOf(member) then redis.call('ZREM', line(user), member) taken = taken + 1 else kept = kept + 1 end
end
tidy(user)
return { taken, #members < step and -1 or from + kept }
`;

/**
 * Why a job waits. ARGV: user, job. Nothing: it does not; -1: its time has not come; else its position as far as turns can be
 * foretold, all that wait, what the user has running, and the places of the site.
 */
export const WAIT_OF = `${HEAD}
if redis.call('ZSCORE', key('later'), ARGV[1] .. '/' .. ARGV[2]) then return { -1 } end
local before = redis.call('ZRANK', line(ARGV[1]), ARGV[2])
if not before then return {} end
local position = before + 1
for _, user in ipairs(redis.call('ZRANGE', key('users'), 0, -1)) do
  if user ~= ARGV[1] then position = position + math.min(redis.call('ZCARD', line(user)), before + 1) end
end
return { position, waiting(), running(ARGV[1]), capacity() }
`;

/**
 * Keeps room in a user's line for jobs that come soon. ARGV: limit (0: none), user, room, jobs, ms. Returns -1, or, where
 * that would be beyond the limit, how many wait or have room.
 */
export const KEEP_ROOM = `${HEAD}
local limit, user, jobs = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[4])
if limit == 0 then return -1 end
local before = waiting_of(user) + tonumber(redis.call('HGET', key('kept'), user) or '0')
if before + jobs > limit then return before end
redis.call('HSET', key('rooms'), ARGV[3], ARGV[4] .. '/' .. user)
redis.call('ZADD', key('rooms-until'), now() + tonumber(ARGV[5]), ARGV[3])
count('kept', user, jobs)
return -1
`;

/** ARGV: a room that is not needed any more. */
export const LEAVE_ROOM = `${HEAD}
leave_room(ARGV[1])
return redis.status_reply('OK')
`;

/** How many jobs wait, how many turns are given, how many processes perform jobs. */
export const NUMBERS = `${HEAD}
return { waiting(), redis.call('HLEN', key('given')), redis.call('ZCOUNT', key('workers'), now(), '+inf') }
`;
