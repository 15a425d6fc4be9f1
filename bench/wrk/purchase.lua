-- Purchases, each of an asset that its buyer does not have. Arguments: a file with one token per line, the first digits of
-- the asset ids, the number of assets, and how many of them each buyer has bought before.
local count = 0
function init(args)
  tokens = {}
  for line in io.lines(args[1]) do tokens[#tokens + 1] = line end
  set, assets, bought = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  stride = math.floor(assets / #tokens)
end
function request()
  local buyer = count % #tokens
  -- Each buyer starts at a different asset.
  local asset = (bought + math.floor(count / #tokens) + buyer * stride) % assets
  count = count + 1
  local body = string.format('{"assetType":"file","assetId":"%08x-0000-7000-8000-%012x"}', set, asset)
  local headers = { ["authorization"] = tokens[buyer + 1], ["content-type"] = "application/json" }
  return wrk.format("POST", "/elements/common/purchase-asset", headers, body)
end
