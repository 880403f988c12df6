/**
 * Our own addresses and how much each has been used. Promises that nodes together never take more of a day's ceiling
 * than there is: what is taken is counted before the mail goes, and may be given back.
 */
import type { Queryable } from "../../ground/database.store.ts";
import type { SendingAddress } from "./choose-address.ts";
import { type DayOfUse, type UseKey, useKey } from "./warm-up.ts";

/** Every address: to the engine all of them, to an organisation its own and the shared ones. */
export async function listSendingAddresses(client: Queryable): Promise<readonly SendingAddress[]> {
  const rows = await client.query<{
    address: string;
    helo_name: string;
    state: SendingAddress["state"];
    org_id: number | null;
  }>({
    name: "list-sending-addresses",
    text: "select host(address) as address, helo_name, state, org_id from sending_address order by sending_address.address",
  });
  return rows.rows.map((row) => ({
    address: row.address,
    heloName: row.helo_name,
    state: row.state,
    orgId: row.org_id,
  }));
}

/** Adds an address, or changes one: its name, its state or whose it is. `since` begins anew with the state. */
export async function saveSendingAddress(owner: Queryable, address: SendingAddress, now: Date): Promise<void> {
  await owner.query({
    name: "save-sending-address",
    text: `insert into sending_address as a (address, org_id, helo_name, state, since) values ($1, $2, $3, $4, $5)
           on conflict (address) do update set org_id = excluded.org_id, helo_name = excluded.helo_name,
             since = case when a.state = excluded.state then a.since else excluded.since end, state = excluded.state`,
    values: [address.address, address.orgId, address.heloName, address.state, now],
  });
}

/** Organisations whose mail may leave by shared addresses while their own ones have no room. */
export async function listOverflowing(engine: Queryable): Promise<ReadonlySet<number>> {
  const rows = await engine.query<{ org_id: number }>({
    name: "list-overflowing",
    text: "select org_id from organisation where may_overflow",
  });
  return new Set(rows.rows.map((row) => row.org_id));
}

export interface TriedMail {
  readonly orgId: number;
  readonly id: number;
  readonly generation: number;
}

export interface LastTry {
  /** The address of ours that its server knows. */
  readonly address: string;
  readonly at: Date;
}

/**
 * By which of our addresses mails were tried before, by delivery id; not there: no server has seen it yet. Attempts are
 * found by their key, so that no column of the delivery has to say it.
 */
export async function findTriedBy(
  engine: Queryable,
  mails: readonly TriedMail[],
): Promise<ReadonlyMap<number, LastTry>> {
  if (mails.length === 0) return new Map();
  const rows = await engine.query<{ id: number; local_ip: string; at: Date }>({
    name: "find-tried-by",
    text: `select m.id, a.local_ip, a.at
           from unnest($1::integer[], $2::bigint[], $3::smallint[]) as m (org_id, id, generation) cross join lateral (
             select local_ip, at from attempt a
             where a.org_id = m.org_id and a.delivery_id = m.id and a.generation = m.generation and a.source = 'attempt' and a.local_ip is not null
             order by a.fence desc limit 1
           ) a`,
    values: [mails.map(({ orgId }) => orgId), mails.map(({ id }) => id), mails.map(({ generation }) => generation)],
  });
  return new Map(rows.rows.map(({ id, local_ip, at }) => [id, { address: local_ip, at }]));
}

/**
 * The use of each address to each provider (or to those named) since the day of `since`, as ceilingToday wants it; keyed
 * by `useKey`.
 */
export async function loadUse(
  engine: Queryable,
  addresses: readonly string[],
  since: Date,
  providers: readonly string[] | null = null,
): Promise<ReadonlyMap<string, readonly DayOfUse[]>> {
  const rows = await engine.query<UseKey & DayOfUse>({
    name: "load-use",
    text: `select host(address) as address, provider, day::text, sent from address_use
           where address = any ($1::inet[]) and day >= $2::date and ($3::text[] is null or provider = any ($3)) order by day`,
    values: [addresses, dayOf(since), providers],
  });
  const use = new Map<string, DayOfUse[]>();
  for (const { address, provider, day, sent } of rows.rows) {
    const key = useKey({ address, provider });
    use.set(key, [...(use.get(key) ?? []), { day, sent }]);
  }
  return use;
}

export interface UseWish extends UseKey {
  readonly wanted: number;
  /** Of the day, for all mails together; null: none. */
  readonly ceiling: number | null;
}

// The lock is taken in the order of the keys, or two nodes could wait for one another.
const take = `
  with wish as (
    select * from unnest($1::inet[], $2::text[], $3::integer[], $4::integer[]) with ordinality as w (address, provider, wanted, ceiling, n)
  ), held as materialized (
    select u.address, u.provider, w.n, u.sent, least(w.wanted, greatest(0, coalesce(w.ceiling, 2147483647) - u.sent)) as granted
    from address_use u join wish w on w.address = u.address and w.provider = u.provider
    where u.day = $5::date order by u.address, u.provider for update of u
  ), taken as (
    update address_use u set sent = u.sent + h.granted from held h
    where u.day = $5::date and u.address = h.address and u.provider = h.provider and h.granted > 0
  )
  select n::integer, granted from held`;

/** How many of the wanted mails may go today, for each wish; they count as sent from now on. Each key at most once. */
export async function takeUse(engine: Queryable, wishes: readonly UseWish[], now: Date): Promise<readonly number[]> {
  const keys = [wishes.map(({ address }) => address), wishes.map(({ provider }) => provider)] as const;
  await engine.query({
    name: "begin-day-of-use",
    text: `insert into address_use (address, provider, day, sent)
           select w.address, w.provider, $3::date, 0 from unnest($1::inet[], $2::text[]) as w (address, provider)
           order by 1, 2 on conflict do nothing`,
    values: [...keys, dayOf(now)],
  });
  const { rows } = await engine.query<{ n: number; granted: number }>({
    name: "take-use",
    text: take,
    values: [...keys, wishes.map(({ wanted }) => wanted), wishes.map(({ ceiling }) => ceiling), dayOf(now)],
  });
  const granted = new Map(rows.map((row) => [row.n, row.granted]));
  return wishes.map((_, index) => granted.get(index + 1) ?? 0);
}

/** Gives back what was taken for mails that did not go after all. */
export async function giveBackUse(
  engine: Queryable,
  unused: readonly (UseKey & { readonly count: number })[],
  now: Date,
): Promise<void> {
  await engine.query({
    name: "give-back-use",
    text: `update address_use u set sent = greatest(0, u.sent - g.count)
           from unnest($1::inet[], $2::text[], $3::integer[]) as g (address, provider, count)
           where u.address = g.address and u.provider = g.provider and u.day = $4::date`,
    values: [
      unused.map(({ address }) => address),
      unused.map(({ provider }) => provider),
      unused.map(({ count }) => count),
      dayOf(now),
    ],
  });
}

function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10);
}
