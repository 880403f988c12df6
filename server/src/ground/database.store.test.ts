/** The database keeps organisations apart and its own rules, whatever the code above it does. */
import { describe, expect, it } from "vitest";
import { useTestDatabase } from "../testing/test-database.ts";
import { inOrganisation, inTransaction, migrate } from "./database.store.ts";
import { addJob } from "./jobs.job.ts";

const test = useTestDatabase();

describe("row-level security", () => {
  it("stands on every table with org_id: enabled, forced, with a policy", async () => {
    const bare = await test.database.owner.query<{ table_name: string }>(`
      select c.relname as table_name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
      where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
        and not (c.relrowsecurity and c.relforcerowsecurity
                 and exists (select from pg_policies p where p.tablename = c.relname and 'roundtrip_app' = any (p.roles)
                             and p.qual like '%roundtrip.org_id%'))`);
    expect(bare.rows).toEqual([]);
    const all = await test.database.owner.query(
      "select 1 from information_schema.columns where table_schema = 'public' and column_name = 'org_id'",
    );
    expect(all.rowCount).toBeGreaterThan(10);
  });

  it("is what a planted table without a policy fails", async () => {
    await expect(
      inTransaction(test.database.owner, async (client) => {
        await client.query("create table planted (org_id integer)");
        const bare = await client.query("select from pg_class where relname = 'planted' and not relrowsecurity");
        expect(bare.rowCount).toBe(1);
        throw new Error("undo");
      }),
    ).rejects.toThrow("undo");
  });

  it("shows an organisation its own rows only, and nothing when none is set", async () => {
    const [one, two] = [await test.addOrganisation("One"), await test.addOrganisation("Two")];
    for (const orgId of [one, two]) {
      await inOrganisation(test.database, orgId, async (client) => {
        await client.query(
          "insert into employee (org_id, email, email_key) values ($1, 'a@example.com', 'a@example.com')",
          [orgId],
        );
      });
    }
    const seen = await inOrganisation(test.database, one, (client) =>
      client.query<{ org_id: number }>("select org_id from employee"),
    );
    expect(seen.rows).toEqual([{ org_id: one }]);
    expect((await test.database.app.query("select from employee")).rowCount).toBe(0);
    await expect(
      inOrganisation(test.database, one, (client) =>
        client.query("insert into employee (org_id, email, email_key) values ($1, 'b@example.com', 'b@example.com')", [
          two,
        ]),
      ),
    ).rejects.toThrow(/row-level security/);
  });

  it("is kept by roles that own nothing and cannot bypass it", async () => {
    const roles = await test.database.owner.query(
      "select from pg_roles where rolname in ('roundtrip_app', 'roundtrip_engine') and not rolsuper and not rolbypassrls",
    );
    expect(roles.rowCount).toBe(2);
    const owned = await test.database.owner.query(
      "select from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname like 'roundtrip_%'",
    );
    expect(owned.rowCount).toBe(0);
  });
});

describe("migrations", () => {
  it("may run again, and at once from several nodes", async () => {
    await Promise.all([migrate(test.database), migrate(test.database), migrate(test.database)]);
    const done = await test.database.owner.query("select from migration");
    expect(done.rowCount).toBeGreaterThan(0);
  });

  it("refuses a database that a newer version made", async () => {
    await test.database.owner.query("insert into migration (name) values ('9999-from-the-future.sql')");
    await expect(migrate(test.database)).rejects.toThrow(/newer version/);
    await test.database.owner.query("delete from migration where name like '9999%'");
  });
});

describe("jobs", () => {
  it("are added with the change that causes them, or not at all", async () => {
    const count = async () =>
      (await test.database.owner.query("select from graphile_worker.jobs where task_identifier = 'launch-round'"))
        .rowCount;
    await inTransaction(test.database.engine, async (client) => {
      await addJob(client, "launch-round", { orgId: 1, roundId: 1 }, "kept");
      throw new Error("undo");
    }).catch(() => undefined);
    expect(await count()).toBe(0);
    await addJob(test.database.engine, "launch-round", { orgId: 1, roundId: 1 }, "kept");
    await addJob(test.database.engine, "launch-round", { orgId: 1, roundId: 1 }, "kept");
    expect(await count()).toBe(1);
  });
});
