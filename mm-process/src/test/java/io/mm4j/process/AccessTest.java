// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.ThpMode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;

/** What an access does that the MMU never lets through. */
class AccessTest {
  private static final long AT = 0x10000000L;

  @Test
  void faultsThatInstallNothingAreNoSignal() {
    try (Rig rig =
        new Rig(
            Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.NEVER, AccessTest::blindTables)) {
      rig.map(AT, 1, Rig.RW);
      Tasks tasks = rig.floor.tasks();
      Cpu cpu = rig.machine.cpus().get(0);
      tasks.switchTo(cpu, tasks.adopt("x", rig.mm));
      CorruptStateError error =
          assertThrows(CorruptStateError.class, () -> tasks.access(cpu, AT, Mmu.WRITE));
      assertTrue(String.valueOf(error.getMessage()).contains("uaddr=0x10000000"), error::toString);
      assertTrue(tasks.access(cpu, AT + 4096, 0) < 0, "nothing is mapped there: a signal");
    }
  }

  /** Page tables whose MMU finds nothing in them. */
  private static PageTables blindTables(PageTables tables) {
    return instead(
        PageTables.class,
        tables,
        "mmu",
        mmu -> instead(Mmu.class, (Mmu) mmu, "access", access -> Long.MIN_VALUE));
  }

  private interface Change {
    Object of(Object result);
  }

  private static <T> T instead(Class<T> type, T real, String method, Change change) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, called, arguments) -> {
              try {
                Object result = called.invoke(real, arguments);
                return called.getName().equals(method) ? change.of(result) : result;
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }
}
