// SPDX-License-Identifier: Apache-2.0

package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.suites.TestKit;
import java.lang.reflect.Proxy;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The rules of the SPI {@code process} judge the floor that they are given, and no other. */
class ProcessFloorRulesTest {
  private static final ProcessFloorProvider RIGHT =
      PluginRegistry.discover().provider(Spi.PROCESS, Spi.PROCESS.reference(), "test");

  /** The reference floor whose processes may have one VMA more than they should. */
  private static final class OneMore implements ProcessFloorProvider {
    @Override
    public String name() {
      return "one-more";
    }

    @Override
    public String summary() {
      return "counts one VMA too few";
    }

    @Override
    public ProcessFloor create(Floors floors, Options options) {
      ProcessFloor right = RIGHT.create(floors, Options.defaults(RIGHT));
      return (ProcessFloor)
          Proxy.newProxyInstance(
              ProcessFloor.class.getClassLoader(),
              new Class<?>[] {ProcessFloor.class},
              (proxy, method, args) -> {
                if (method.getName().equals("createAddressSpace")) {
                  return oneMore(right, (AddressSpaceConfig) args[0]);
                }
                return method.invoke(right, args);
              });
    }

    private static AddressSpace oneMore(ProcessFloor right, AddressSpaceConfig c) {
      MmSysctls s = c.sysctls();
      MmSysctls more =
          new MmSysctls(
              s.overcommitMemory(),
              s.overcommitRatio(),
              s.maxMapCount() + 1,
              s.mmapMinAddr(),
              s.lsmMmapMinAddr(),
              s.stackGuardGapPages(),
              s.legacyVaLayout());
      return right.createAddressSpace(
          new AddressSpaceConfig(
              c.layout(),
              c.asBytes(),
              c.dataBytes(),
              c.stackBytes(),
              c.memlockBytes(),
              c.capabilities(),
              more,
              c.totalRamKb(),
              c.totalSwapKb(),
              c.thp(),
              c.readImpliesExec()));
    }
  }

  private static RuleResult judge(ProcessFloorProvider floor) {
    Rule<ProcessFloorProvider> rule =
        TestKit.rules(Spi.PROCESS).stream()
            .filter(r -> r.info().id().equals("AS-04"))
            .findFirst()
            .orElseThrow();
    return RuleRunner.create().tries(30).run(rule, floor, Map.of());
  }

  @Test
  void theReferencePasses() {
    assertEquals(RuleResult.Outcome.PASSED, judge(RIGHT).outcome());
  }

  @Test
  void aWrongFloorIsCaught() {
    assertEquals(RuleResult.Outcome.FAILED, judge(new OneMore()).outcome());
  }

  @Test
  void everyRuleOfAddressSpacesAndTasksIsThere() {
    assertEquals(
        TestKit.suites().stream()
            .filter(s -> s.name().equals("address-space") || s.name().equals("tasks"))
            .mapToInt(s -> s.rules().size())
            .sum(),
        TestKit.rules(Spi.PROCESS).size());
  }
}
