// Sends events with the official client for JavaScript, as a program written for Event Hubs does.
//
// publish CONNECTION_STRING COUNT PER_BATCH: says `acknowledged FIRST LAST` whenever that many more are.
// refusals CONNECTION_STRING: prints as one JSON object how each thing that must not work has failed.

const { EventHubConsumerClient, EventHubProducerClient } = require("@azure/event-hubs");

const HUB = "clickstream";
const once = { retryOptions: { maxRetries: 0, timeoutInMs: 20_000 } };

const client = (connection, hub = HUB) => new EventHubProducerClient(connection, hub, once);

function event(number, route) {
  const body = {
    event_id: `javascript-${number}`,
    user_id: `user-${number % 97}`,
    session_id: `session-${number % 997}`,
    timestamp: "2026-01-15T10:00:00Z",
    event_type: "page_view",
    page_url: "https://example.com/a",
    referral_source: route,
  };
  const properties = { sender: "javascript", number, half: number / 2, even: number % 2 === 0 };
  return { body, properties, contentType: "application/json" };
}

// Every way to say where events go, in turn: by key, to a partition, anywhere.
function* routes(partitions) {
  for (let turn = 0; ; turn += 1) {
    yield [`key-${turn}`, { partitionKey: `key-${turn}` }];
    yield [`partition-${turn % partitions}`, { partitionId: `${turn % partitions}` }];
    yield ["any", {}];
  }
}

async function publish(connection, count, perBatch) {
  const producer = client(connection);
  const { partitionIds } = await producer.getEventHubProperties();
  for (const id of partitionIds) {
    const { partitionId } = await producer.getPartitionProperties(id);
    if (partitionId !== id) throw new Error(`asked for partition ${id}, got ${partitionId}`);
  }
  const ways = routes(partitionIds.length);
  for (let number = 0; number < count; ) {
    const first = number;
    const [route, where] = ways.next().value;
    const batch = await producer.createBatch(where);
    while (number < Math.min(first + perBatch, count) && batch.tryAdd(event(number, route))) number += 1;
    await producer.sendBatch(batch);
    console.log("acknowledged", first, number - 1);
  }
  await producer.close();
}

async function failure(work) {
  try {
    await work();
    return "it worked";
  } catch (error) {
    return `${error.code ?? error.name}: ${error.message}`;
  }
}

async function sendOne(connection, hub = HUB, size = 1, options = {}) {
  const producer = client(connection, hub);
  try {
    await producer.sendBatch([{ body: Buffer.alloc(size) }], options);
  } finally {
    await producer.close();
  }
}

async function receive(connection) {
  const consumer = new EventHubConsumerClient("$Default", connection, HUB, once);
  try {
    await new Promise((_, reject) => {
      consumer.subscribe("0", { processEvents: async () => {}, processError: async (error) => reject(error) });
    });
  } finally {
    await consumer.close();
  }
}

async function refusals(connection) {
  const wrongKey = connection.replace("SAS_KEY_VALUE", "another");
  const cases = {
    "wrong hub": () => sendOne(connection, "another"),
    "wrong key": () => sendOne(wrongKey),
    "too large": () => sendOne(connection, HUB, 1_100_000),
    receiver: () => receive(connection),
    "wrong partition": () => sendOne(connection, HUB, 1, { partitionId: "99" }),
    afterwards: () => sendOne(connection),
  };
  const found = {};
  for (const [name, work] of Object.entries(cases)) found[name] = await failure(work);
  console.log(JSON.stringify(found));
}

async function main() {
  const [what, connection, count, perBatch] = process.argv.slice(2);
  await (what === "publish" ? publish(connection, Number(count), Number(perBatch)) : refusals(connection));
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
