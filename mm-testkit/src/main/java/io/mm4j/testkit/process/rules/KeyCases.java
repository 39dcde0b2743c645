// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/**
 * Cases of protection keys and of five levels of page tables, after LTP's pkey01 and the selftests
 * protection_keys and va_high_addr_switch. No machine that was at hand has them: the answers follow
 * from the sources of Linux 6.18.
 */
public final class KeyCases {
  private static final long PAGE = Bits.PAGE;
  private static final int EXEC = 4;
  private static final int MLOCK_LIMIT_PAGES = 64;

  /** Nothing but key 0 may be used. */
  private static final int INITIAL = 0x55555554;

  /** {@code DEFAULT_MAP_WINDOW}, and the end of all user space. */
  private static final long WINDOW = (1L << 47) - PAGE;

  private static final long END = (1L << 56) - PAGE;

  private KeyCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    CaseGroup keys =
        new CaseGroup(
            "Programs guard memory with keys, and find out by signals that they did.",
            "a key is looked at when memory is mapped, or of one of the accesses only",
            setup -> setup.memlockBytes = MLOCK_LIMIT_PAGES * PAGE);
    CaseGroup five =
        new CaseGroup(
            "Pointers above 47 bits break programs that use the upper bits: only who asks gets"
                + " one.",
            "the window ends where user space does",
            setup -> setup.machine = Ground.FIVE_LEVELS);
    return List.of(
        keys.rule(
            "AS-F50",
            "protection-keys",
            "Memory of a key is accessed as the rights with that key allow, by the program and by"
                + " calls that it makes; SEGV_PKUERR tells the key, also where the protection would"
                + " not do. Keys are 15; mprotect keeps them; a child has keys and rights, and a"
                + " free key guards what it did.",
            "do_mprotect_pkey, mm_pkey_alloc, arch_vma_access_permitted; LTP pkey01",
            KeyCases::keys),
        keys.rule(
            "AS-F51",
            "execute-only",
            "Memory of PROT_EXEC alone has a key that nobody may read, that no call takes or"
                + " frees, and that it loses with another protection.",
            "__execute_only_pkey, __arch_override_mprotect_pkey; selftests protection_keys",
            KeyCases::executeOnly),
        five.rule(
            "AS-F52",
            "above-47-bits",
            "With five levels of page tables a mapping lies above 47 bits if its hint does, or"
                + " where none is free near such a hint; without it, and with one that ends above"
                + " and begins below, it lies below.",
            "mmap_address_hint_valid, arch_get_unmapped_area_topdown; va_high_addr_switch",
            KeyCases::high));
  }

  /** A process with keys. */
  private static Rig withKeys(Rig rig) {
    rig.floor.kernelOption("pkeys", "false");
    AddressSpace without = new CaseSetup().create(rig.floor);
    rig.gives("mmap", A, without.mmap(A, PAGE, RW, 0x32, -1, 0));
    rig.gives("a key where the CPU has none", -1, without.protectionKey(A));
    without.exit();
    rig.floor.kernelOption("pkeys", "true");
    CaseSetup setup = new CaseSetup();
    setup.memlockBytes = MLOCK_LIMIT_PAGES * PAGE;
    return new Rig(rig.floor, setup.create(rig.floor));
  }

  private static boolean hasKeys(Rig rig) {
    try {
      rig.floor.kernelOption("pkeys", "true");
      return true;
    } catch (InputException e) {
      return false; // a floor without that option has none
    }
  }

  private static long alloc(Rig rig, long rights) {
    return rig.mm.syscall(Syscall.PKEY_ALLOC, 0, rights);
  }

  private static long protect(Rig rig, long at, int prot, long key) {
    return rig.mm.syscall(Syscall.PKEY_MPROTECT, at, PAGE, prot, key);
  }

  private static void denied(Rig rig, long at, boolean write, int key) {
    TouchOutcome seen = write ? rig.mm.write(at, 1) : rig.mm.read(at);
    String now = seen.kind() + " key " + seen.value();
    String expected = Kind.SEGV_PKUERR + " key " + key;
    RuleViolation.check(now.equals(expected), expected, now);
  }

  private static void keys(Rig without) {
    if (!hasKeys(without)) {
      return;
    }
    Rig rig = withKeys(without);
    rig.gives("the first key", 1, alloc(rig, 0));
    rig.gives("one that reads", 2, alloc(rig, 2));
    Looks.fails(rig, "unknown rights", Errno.EINVAL, alloc(rig, 4));
    Looks.fails(rig, "flags", Errno.EINVAL, rig.mm.syscall(Syscall.PKEY_ALLOC, 1, 0));
    rig.map(A, 4 * PAGE, RW);
    rig.put(A + PAGE, 9);
    rig.gives("pkey_mprotect", 0, protect(rig, A, RW, 1));
    rig.gives("pkey_mprotect", 0, protect(rig, A + PAGE, RW, 2));
    Looks.fails(rig, "a key of nobody", Errno.EINVAL, protect(rig, A, RW, 3));
    rig.shows(A, A + 4 * PAGE, "0-1 rw-p, 1-2 rw-p, 2-4 rw-p");
    rig.put(A, 5);
    rig.has(A + PAGE, 9);
    denied(rig, A + PAGE, true, 2);
    rig.mm.keyRights(INITIAL);
    denied(rig, A, false, 1);
    denied(rig, A, true, 1);
    Looks.fails(
        rig, "a call", Errno.EFAULT, rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, A, 1, 0));
    Looks.fails(rig, "mlock", Errno.ENOMEM, rig.mm.mlock(A, PAGE));
    rig.protect(A, PAGE, 0);
    denied(rig, A, false, 1);
    rig.mm.keyRights(INITIAL & ~0b1100);
    Looks.ends("PROT_NONE", Kind.SEGV_ACCERR, rig.mm.read(A));
    rig.protect(A, PAGE, READ);
    rig.has(A, 5);
    rig.gives("pkey_free", 0, rig.mm.syscall(Syscall.PKEY_FREE, 1));
    Looks.fails(rig, "once more", Errno.EINVAL, rig.mm.syscall(Syscall.PKEY_FREE, 1));
    rig.gives("its key", 1, rig.mm.protectionKey(A));
    Rig child = rig.fork();
    child.gives("the child's rights", INITIAL & ~0b1100, child.mm.keyRights());
    denied(child, A + PAGE, true, 2);
    child.gives("a key of the child", 1, alloc(child, 1));
    rig.has(A, 5);
    denied(child, A, false, 1);
    for (int key = 1; key < 16; key++) {
      long next = key == 2 ? 2 : alloc(rig, 0);
      rig.gives("key " + key, key, next);
    }
    Looks.fails(rig, "a sixteenth", Errno.ENOSPC, alloc(rig, 0));
  }

  private static void executeOnly(Rig without) {
    if (!hasKeys(without)) {
      return;
    }
    Rig rig = withKeys(without);
    rig.map(FAR, PAGE, EXEC);
    rig.gives("its key", 1, rig.mm.protectionKey(FAR));
    rig.map(A, PAGE, RW);
    rig.put(A, 7);
    rig.protect(A, PAGE, EXEC);
    rig.gives("its key", 1, rig.mm.protectionKey(A));
    denied(rig, A, false, 1);
    Looks.ends("code", Kind.OK, rig.mm.execute(A));
    Looks.fails(rig, "a call with its key", Errno.EINVAL, protect(rig, A, RW, 1));
    Looks.fails(rig, "pkey_free", Errno.EINVAL, rig.mm.syscall(Syscall.PKEY_FREE, 1));
    rig.gives("another key", 2, alloc(rig, 0));
    rig.protect(A, PAGE, READ);
    rig.gives("its key", 0, rig.mm.protectionKey(A));
    rig.has(A, 7);
    rig.gives("pkey_mprotect", 0, protect(rig, A, EXEC, 2));
    rig.gives("its key", 2, rig.mm.protectionKey(A));
    rig.protect(A, PAGE, READ);
    rig.gives("its key", 2, rig.mm.protectionKey(A));
  }

  private static long hinted(Rig rig, long hint, long bytes) {
    return Looks.works("mmap", rig.mm.mmap(hint, bytes, RW, 0x22, -1, 0));
  }

  private static void isHigh(String what, long at) {
    RuleViolation.check(at > WINDOW, what + " above 47 bits", Long.toHexString(at));
  }

  private static void isLow(String what, long at) {
    RuleViolation.check(at < WINDOW, what + " below 47 bits", Long.toHexString(at));
  }

  private static void high(Rig rig) {
    long border = WINDOW + PAGE;
    isLow("without a hint", hinted(rig, 0, PAGE));
    isLow("a hint at the border", hinted(rig, WINDOW, PAGE));
    isLow("a hint that ends above it", hinted(rig, WINDOW, 2 * PAGE));
    rig.gives("a hint above", border, hinted(rig, border, 2 * PAGE));
    isHigh("a hint that is taken", hinted(rig, border, PAGE));
    isHigh("a hint at the end of everything", hinted(rig, -1, 2 * PAGE));
    long last = END - PAGE;
    rig.gives("the last page", last, hinted(rig, last, PAGE));
    rig.put(last, 3);
    rig.put(border, 4);
    rig.has(last, 3);
    rig.gives("fixed", WINDOW, rig.mm.mmap(WINDOW, 3 * PAGE, RW, 0x32, -1, 0));
    rig.has(border, 0);
    Looks.fails(
        rig, "behind everything", Errno.ENOMEM, rig.mm.mmap(last, 2 * PAGE, RW, 0x32, -1, 0));
    Looks.ends("above", Kind.SEGV_MAPERR, rig.mm.read(1L << 55));
    Looks.ends("behind everything", Kind.SEGV_KERNEL, rig.mm.read(1L << 56));
    isLow("what is moved", Looks.works("mremap", rig.mm.mremap(last, PAGE, 2 * PAGE, 1, 0)));
    isLow("with MAP_32BIT", rig.mm.mmap(border, PAGE, RW, 0x62, -1, 0));
    rig.gives("munmap", 0, rig.mm.munmap(border, PAGE));
  }
}
