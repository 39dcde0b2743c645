// SPDX-License-Identifier: Apache-2.0

package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
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

  /** The reference floor whose processes begin without an RLIMIT_MEMLOCK. */
  private static final class NoLimit implements ProcessFloorProvider {
    @Override
    public String name() {
      return "no-limit";
    }

    @Override
    public String summary() {
      return "locks whatever it is asked to lock";
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
                  return unlimited(right, (AddressSpaceConfig) args[0]);
                }
                return method.invoke(right, args);
              });
    }

    private static AddressSpace unlimited(ProcessFloor right, AddressSpaceConfig c) {
      return right.createAddressSpace(
          new AddressSpaceConfig(
              c.layout(),
              c.asBytes(),
              c.dataBytes(),
              c.stackBytes(),
              Long.MAX_VALUE,
              c.capabilities(),
              c.sysctls(),
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
    return RuleRunner.create().run(rule, floor, Map.of());
  }

  @Test
  void theReferencePasses() {
    assertEquals(RuleResult.Outcome.PASSED, judge(RIGHT).outcome());
  }

  @Test
  void aFloorWithoutALimitIsCaught() {
    assertEquals(RuleResult.Outcome.FAILED, judge(new NoLimit()).outcome());
  }

  @Test
  void everyRuleOfAddressSpacesIsThere() {
    assertEquals(
        TestKit.suites().stream()
            .filter(s -> s.name().equals("address-space"))
            .mapToInt(s -> s.rules().size())
            .sum(),
        TestKit.rules(Spi.PROCESS).size());
  }
}
