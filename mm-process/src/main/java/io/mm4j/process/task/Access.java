// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.call.Calls;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Accesses by a CPU's MMU: what the hardware does, and {@code do_user_addr_fault()} when it cannot
 * (arch/x86/mm/fault.c, Linux 6.18).
 */
final class Access {
  /**
   * A fault makes what was missing; another one may only be one that another access caused. Linux
   * tries again for ever, so faults that install nothing would hang it.
   */
  private static final int MOST_FAULTS = 4;

  private final PageTables tables;
  private final IdentityHashMap<Mm, Calls> calls = new IdentityHashMap<>();
  private @Nullable Mm last;
  private @Nullable Calls lastCalls;

  Access(PageTables tables) {
    this.tables = tables;
  }

  /**
   * See {@link io.mm4j.api.process.Tasks#access}.
   *
   * @throws CorruptStateError if faults that went well leave the MMU without a translation
   */
  long at(Cpu cpu, @Nullable Mm mm, long uaddr, int kind) {
    if (mm == null) {
      return signal(TouchOutcome.Kind.SEGV_MAPERR);
    }
    Mmu mmu = tables.mmu(cpu);
    for (int tries = 0; ; tries++) {
      long paddr = mmu.access(uaddr, kind | Mmu.USER);
      if (paddr >= 0) {
        return paddr;
      }
      if ((Mmu.faultCode(paddr) & Mmu.FAULT_CANONICAL) != 0) {
        return signal(TouchOutcome.Kind.SEGV_KERNEL);
      }
      if (Long.compareUnsigned(uaddr, mm.taskSize()) >= 0) {
        return signal(TouchOutcome.Kind.SEGV_MAPERR);
      }
      if (tries == MOST_FAULTS) {
        throw new CorruptStateError(
            "faults that went well have installed nothing: faults="
                + MOST_FAULTS
                + " uaddr=0x"
                + Long.toHexString(uaddr)
                + " kind=0x"
                + Integer.toHexString(kind)
                + " code=0x"
                + Integer.toHexString(Mmu.faultCode(paddr)));
      }
      TouchOutcome.Kind outcome = of(mm).attempt(uaddr, wanted(kind));
      if (outcome != TouchOutcome.Kind.OK) {
        return signal(outcome);
      }
    }
  }

  @SuppressWarnings("EnumOrdinal") // the contract of Tasks.access says which number it is
  private static long signal(TouchOutcome.Kind kind) {
    return -1L - kind.ordinal();
  }

  private static Touch.Access wanted(int kind) {
    if ((kind & Mmu.FETCH) != 0) {
      return Touch.Access.EXEC;
    }
    return (kind & Mmu.WRITE) != 0 ? Touch.Access.WRITE : Touch.Access.READ;
  }

  private Calls of(Mm mm) {
    Calls found = mm == last ? lastCalls : null;
    if (found == null) {
      calls.keySet().removeIf(each -> !each.pages.exists());
      found = calls.computeIfAbsent(mm, Calls::new);
      last = mm;
      lastCalls = found;
    }
    return found;
  }
}
