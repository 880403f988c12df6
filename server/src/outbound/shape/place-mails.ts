/**
 * Places a batch of mails on our addresses, one after another: each takes of the room that those before it left. Pure. It
 * promises nothing about other nodes: what it chose must still be taken (sending-address.store.ts), and mails that got
 * nothing are placed again, with that address known to be full.
 */
import { type AddressChoice, type AddressRoom, chooseAddress, type MailToPlace } from "./choose-address.ts";
import { useKey } from "./warm-up.ts";

export interface PlaceableMail extends MailToPlace {
  readonly provider: string;
  /** Those that can reach the domain, each with the room it had before this batch. */
  readonly addresses: readonly AddressRoom[];
}

/** A choice for each mail, in their order. `full` names addresses and providers (`useKey`) where nothing was left. */
export function placeMails(mails: readonly PlaceableMail[], full: ReadonlySet<string>): readonly AddressChoice[] {
  const taken = new Map<string, number>();
  return mails.map((mail) => {
    const keyOf = ({ address }: AddressRoom) => useKey({ address, provider: mail.provider });
    const addresses = mail.addresses.map((address) => {
      if (address.room === null) return address;
      const key = keyOf(address);
      return { ...address, room: full.has(key) ? 0 : Math.max(0, address.room - (taken.get(key) ?? 0)) };
    });
    const choice = chooseAddress(mail, addresses);
    if (choice.kind === "address") taken.set(keyOf(choice.address), (taken.get(keyOf(choice.address)) ?? 0) + 1);
    return choice;
  });
}
