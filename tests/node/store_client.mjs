// The official client against a store: node store_client.mjs URL TABLE. Exits 0 if all holds.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { createClient } from "@clickhouse/client";

const [url, table] = process.argv.slice(2);

for (const compression of [
  { request: false, response: false },
  { request: true, response: true },
]) {
  const client = createClient({ url, compression });
  assert.equal((await client.ping()).success, true);

  await client.command({ query: `TRUNCATE TABLE ${table}` });
  const values = [{ n: "1", s: "it's" }, { n: "2", s: "b" }];
  const inserted = await client.insert({ table, values, format: "JSONEachRow" });
  assert.equal(inserted.executed, true);
  assert.equal(inserted.summary.written_rows, "2");

  const stream = Readable.from((function* () {
    for (let n = 3; n <= 1000; n++) yield { n, s: "streamed" };
  })());
  await client.insert({ table, values: stream, format: "JSONEachRow" });

  const counted = await client.query({
    query: `SELECT count() AS c, sum(n) AS total FROM ${table} WHERE s != {s:String}`,
    query_params: { s: "it's" },
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    format: "JSONEachRow",
  });
  assert.deepEqual(await counted.json(), [{ c: 999, total: 500499 }]);

  const json = await client.query({ query: "SELECT 1 AS a", format: "JSON" });
  assert.deepEqual((await json.json()).data, [{ a: 1 }]);

  let rows = 0;
  const long = await client.query({
    query: "SELECT number FROM numbers(300000)",
    format: "JSONEachRow",
  });
  for await (const part of long.stream()) rows += part.length;
  assert.equal(rows, 300000);

  await assert.rejects(client.query({ query: "SELECT * FROM nope" }), (error) => {
    assert.equal(error.code, "60");
    assert.equal(error.type, "UNKNOWN_TABLE");
    return true;
  });

  const failing = await client.query({
    query: "SELECT throwIf(number = 3000000) AS x, toString(number) AS s FROM numbers(4000000)",
    format: "JSONEachRow",
  });
  await assert.rejects(async () => {
    for await (const part of failing.stream()) rows += part.length;
  }, (error) => {
    if (!compression.response) assert.match(String(error), /throwIf/);
    return true;
  });

  const session_id = `node-${Date.now()}`;
  await client.command({ query: "CREATE TEMPORARY TABLE own (a UInt8)", session_id });
  const own = await client.query({ query: "SELECT count() AS c FROM own", session_id });
  assert.equal(Number((await own.json()).data[0].c), 0);

  const controller = new AbortController();
  const endless = client.query({
    query: "SELECT sum(number) FROM numbers(1000000000000)",
    abort_signal: controller.signal,
  });
  controller.abort();
  await assert.rejects(endless);
  await client.close();
}
console.log("ok");
