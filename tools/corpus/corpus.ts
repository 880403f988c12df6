/**
 * `npm run corpus`: recognition before a corpus of labelled mails beside the repository. Prints, for each source of mails,
 * how often each question was answered rightly, and then the misses (`--misses`), which are what is to be worked on.
 */
import { parseArgs } from "node:util";
import { recogniseMail } from "../../server/src/inbound/recognise/recognise.ts";
import { groupings, recogniseUnseen } from "./cross-validate.ts";
import { hasCorpus, readCorpus } from "./labelled-mail.ts";
import { type JudgedMail, questions, shareRight } from "./score.ts";

const { values } = parseArgs({ options: { misses: { type: "boolean", default: false } } });

if (!hasCorpus) {
  console.error("There is no corpus beside this repository (../shared/corpus/bounces): nothing to measure.");
  process.exit(2);
}

const corpus = readCorpus();
const judged: JudgedMail[] = corpus.map((mail) => ({ ...mail, mail: recogniseMail(mail.bytes) }));
printScores(judged);
printUnseen();
if (values.misses) printMisses(judged);

/** The honest figures: without what only the mail's own group taught. */
function printUnseen(): void {
  const columns: readonly (readonly [string, readonly JudgedMail[]])[] = [
    ["with all rules", judged],
    ...Object.entries(groupings).map(([name, groupOf]) => [name, recogniseUnseen(corpus, groupOf)] as const),
  ];
  console.log(`\n${"".padEnd(30)}${columns.map(([name]) => name.padStart(26)).join("")}`);
  for (const { name, ask } of questions) {
    const shares = columns.map(([, mails]) => `${(100 * shareRight(mails.flatMap(ask))).toFixed(1)} %`);
    console.log(`${name.padEnd(30)}${shares.map((share) => share.padStart(26)).join("")}`);
  }
}

function printScores(mails: readonly JudgedMail[]): void {
  for (const { name, ask } of questions) {
    const bySource = Map.groupBy(
      mails.flatMap((one) => ask(one).map((answer) => ({ ...answer, source: one.source }))),
      ({ source }) => source,
    );
    const all = [...bySource.values()].flat();
    console.log(`\n${name}`);
    for (const [source, answers] of [...bySource].sort(([one], [other]) => one.localeCompare(other)))
      printRow(source, answers);
    if (bySource.size > 1) printRow("all", all);
  }
}

function printRow(source: string, answers: readonly { readonly isRight: boolean }[]): void {
  const right = answers.filter(({ isRight }) => isRight).length;
  const share = ((100 * right) / answers.length).toFixed(1);
  console.log(`  ${source.padEnd(36)} ${share.padStart(5)} %  ${String(right)} of ${String(answers.length)}`);
}

function printMisses(mails: readonly JudgedMail[]): void {
  for (const { name, ask } of questions) {
    for (const { file, isRight, wanted, got } of mails.flatMap(ask)) {
      if (!isRight) console.log(`${name}\t${file}\twanted ${wanted}\tgot ${got}`);
    }
  }
}
