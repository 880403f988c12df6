/** Answers stand in the thread of what they answer, whatever stands in a stranger's header. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { readMime, partText } from "@roundtrip/mail/mime/read-mime";
import { wireBytes } from "@roundtrip/mail/message/message";
import { answerSubject, composeAnswer } from "./compose-answer.ts";

const seed = "abcdefgh12345678";
const read = (answer: Parameters<typeof composeAnswer>[0]) => {
  const mail = readMime(wireBytes(composeAnswer(answer, [], seed)));
  if (!mail.ok) throw new Error(mail.error);
  return mail.value;
};

it("an answer refers to the mail it answers and to the thread before it", () => {
  const mail = read({
    subject: "Re: A question",
    text: "Yes, it is anonymous.\nAna",
    inReplyTo: "<q1@acme.example>",
    references: ["<first@mail.example>", "<q1@acme.example>"],
  });
  expect(mail.headers.first("In-Reply-To")).toBe("<q1@acme.example>");
  expect(mail.headers.first("References")).toBe("<first@mail.example> <q1@acme.example>");
  expect(mail.headers.has("Auto-Submitted")).toBe(false);
  expect(partText(mail).trim()).toBe("Yes, it is anonymous.\nAna");
});

it("a subject gets one Re:, whatever came before it", () => {
  expect(answerSubject("AW: Re: Re[2]: Umfrage")).toBe("Re: Umfrage");
  expect(answerSubject("")).toBe("Re: your message");
  expect(answerSubject("a\r\nBcc: x@example.com")).toBe("Re: a Bcc: x@example.com");
});

it("no id and no subject of a stranger adds a field or breaks the header", () => {
  const outside = fc.string({ unit: "binary", maxLength: 60 });
  fc.assert(
    fc.property(outside, outside, fc.array(outside, { maxLength: 40 }), (subject, id, references) => {
      const mail = read({ subject: answerSubject(subject), text: "x", inReplyTo: id, references });
      const known = [
        "subject",
        "in-reply-to",
        "references",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
      ];
      expect(mail.headers.fields.filter(({ name }) => !known.includes(name.toLowerCase()))).toEqual([]);
      expect(partText(mail).trim()).toBe("x");
    }),
  );
});
