/**
 * Background work other than mail, through graphile-worker: launches, settling of inbound mail, alerts.
 * A job is added in the same transaction as the change that causes it, and runs at least once; each task must be safe to run again.
 */
import { Logger, run, runMigrations, type Task, type TaskList } from "graphile-worker";
import type { Database, Queryable } from "./database.store.ts";
import type { Log } from "./log.process.ts";

/** Every task and what it is given. */
export interface JobPayloads {
  readonly "launch-round": { readonly orgId: number; readonly roundId: number };
  readonly "settle-inbound": { readonly inboundId: number };
  readonly "authenticate-reply": { readonly inboundId: number };
}

export type JobName = keyof JobPayloads;
export type JobTasks = { readonly [Name in JobName]: (payload: JobPayloads[Name]) => Promise<void> };

/** Makes or upgrades the job tables, and the one door through which our roles may add a job. */
export async function migrateJobs(database: Database): Promise<void> {
  await runMigrations({ pgPool: database.owner, logger: quiet });
  await database.owner.query(`
    create or replace function enqueue_job(task text, payload json, job_key text) returns void
      language sql security definer set search_path = graphile_worker, pg_temp
      as $$ select graphile_worker.add_job(task, payload, job_key => job_key, job_key_mode => 'unsafe_dedupe',
        -- One at a time: strangers' slow name servers must not hold up everything else.
        queue_name => case task when 'authenticate-reply' then task end) $$;
    revoke all on function enqueue_job from public;
    grant execute on function enqueue_job to roundtrip_app, roundtrip_engine;
  `);
}

/** Adds a job inside the caller's transaction; a second one with the same key while the first waits or runs is the same job. */
export async function addJob<Name extends JobName>(
  client: Queryable,
  name: Name,
  payload: JobPayloads[Name],
  key: string,
): Promise<void> {
  await client.query("select enqueue_job($1, $2, $3)", [name, JSON.stringify(payload), key]);
}

/** Starts working on jobs; `stop` waits for the running ones. */
export async function startJobs(database: Database, tasks: JobTasks, log: Log): Promise<{ stop(): Promise<void> }> {
  const list: TaskList = {
    "launch-round": onlyPayload(tasks["launch-round"]),
    "settle-inbound": onlyPayload(tasks["settle-inbound"]),
    "authenticate-reply": onlyPayload(tasks["authenticate-reply"]),
  };
  const runner = await run({
    pgPool: database.owner,
    taskList: list,
    concurrency: 4,
    pollInterval: 1000,
    noHandleSignals: true,
    logger: loggerTo(log),
  });
  runner.promise.catch((error: unknown) => log.error({ err: error }, "job runner ended"));
  const free = () =>
    freeJobsOfTheDead(database).catch((error: unknown) =>
      log.warn({ err: error }, "jobs of dead workers could not be looked for; trying again"),
    );
  const sweep = setInterval(() => void free(), sweepMs);
  sweep.unref();
  return {
    stop: async () => {
      clearInterval(sweep);
      await runner.stop();
    },
  };
}

const sweepMs = 10_000;

/**
 * A process that is killed leaves its jobs locked, and the library waits four hours before it believes in its death. Ours
 * end within a minute, a launch within ten; one that is only slow runs twice, which every task bears.
 */
async function freeJobsOfTheDead(database: Database): Promise<void> {
  await database.owner.query(
    `select graphile_worker.force_unlock_workers(array_agg(distinct j.locked_by))
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where j.locked_at < now() - case t.identifier when 'launch-round' then interval '10 minutes' else interval '1 minute' end
     having count(*) > 0`,
  );
}

/** The payload is ours, written by addJob, so its shape is taken as given. */
function onlyPayload<Payload>(task: (payload: Payload) => Promise<void>): Task {
  return (payload) => task(payload as Payload);
}

const quiet = new Logger(() => () => undefined);

function loggerTo(log: Log): Logger {
  return new Logger(() => (level, message, meta) => {
    if (level === "error") log.error({ meta }, message);
    else if (level === "warning") log.warn({ meta }, message);
    else log.trace(message);
  });
}
