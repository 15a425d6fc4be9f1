-- Public look-ups of anchored hashes. Arguments: the number of items, and "uniform" or "popular".
-- popular: item i is requested in proportion to 1/i (Zipf), like files that are in the news.
function init(args)
  items, popular = tonumber(args[1]), args[2] == "popular"
  rest = string.rep("0", 108)
  math.randomseed(os.time())
end
function request()
  local i
  if popular then i = math.floor(math.exp(math.random() * math.log(items))) else i = math.random(0, items - 1) end
  local hash = string.format("%08x%012x", (i * 2654435761) % 4294967296, i) .. rest
  return wrk.format("GET", "/v1/public/media/" .. hash)
end
