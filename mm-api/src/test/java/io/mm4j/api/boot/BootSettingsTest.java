// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.Setting;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BootSettingsTest {
  private static final PluginProvider FLOOR = new Floor();
  private static final PluginProvider OTHER =
      new Floor() {
        @Override
        public List<Setting> settings() {
          return List.of();
        }
      };

  private static class Floor implements PluginProvider {
    @Override
    public String name() {
      return "floor";
    }

    @Override
    public String summary() {
      return "for a test";
    }

    @Override
    public List<Setting> settings() {
      return List.of(
          Setting.sysctl("max_map_count", "-"),
          Setting.sysctl("overcommit_memory", "-"),
          Setting.parameter("hugepagesz", OptionSpec.Type.SIZE, "-"),
          Setting.parameter("stack_guard_gap", OptionSpec.Type.NUMBER, "-"));
    }
  }

  private static BootSettings of(String line) {
    return new BootSettings(Map.of(), Map.of(), CommandLine.parse(line), List.of(FLOOR));
  }

  @Test
  void aFloorGetsWhatItDeclares() {
    BootSettings settings =
        of(
            "vm.max_map_count=7 sysctl.vm.overcommit_memory=2 hugepagesz=2M stack-guard-gap=1"
                + " mem=1G");
    assertEquals(
        Map.of(
            "max_map_count", "7",
            "overcommit_memory", "2",
            "hugepagesz", "2M",
            "stack_guard_gap", "1"),
        settings.of(FLOOR));
    assertEquals(Map.of(), settings.of(OTHER));
    assertEquals(List.of(), settings.notes());
  }

  /** mm/hugetlb.c: hugepages= is about the size before it. */
  @Test
  void wordsWhoseOrderCountsComeInOrder() {
    PluginProvider floor =
        new Floor() {
          @Override
          public List<Setting> settings() {
            return List.of(
                Setting.ordered("hugepagesz", OptionSpec.Type.SIZE, "-"),
                Setting.ordered("hugepages", OptionSpec.Type.NUMBER, "-"));
          }
        };
    CommandLine line =
        CommandLine.parse("hugepagesz=1G quiet hugepages=2 hugepagesz=2M hugepages=2");
    BootSettings settings = new BootSettings(Map.of(), Map.of(), line, List.of(floor));
    assertEquals(
        Map.of(Setting.IN_ORDER, "hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=2"),
        settings.of(floor));
    assertEquals(Map.of(), settings.of(FLOOR));
    CommandLine wrong = CommandLine.parse("hugepages=x");
    assertThrows(
        InputException.class, () -> new BootSettings(Map.of(), Map.of(), wrong, List.of(floor)));
  }

  /** mm/util.c: overcommit_ratio and overcommit_kbytes each set the other to 0. */
  @Test
  void ofTheTwoLimitsTheOneWrittenLastCounts() {
    PluginProvider floor =
        new Floor() {
          @Override
          public List<Setting> settings() {
            return List.of(
                Setting.sysctl("overcommit_ratio", "-"), Setting.sysctl("overcommit_kbytes", "-"));
          }
        };
    Map<String, String> recorded = Map.of("overcommit_ratio", "50", "overcommit_kbytes", "0");
    Map<String, String> kbytes = Map.of("overcommit_kbytes", "8");
    assertEquals(
        recorded, // what was recorded are values of one moment
        new BootSettings(recorded, Map.of(), CommandLine.EMPTY, List.of(floor)).of(floor));
    assertEquals(
        Map.of("overcommit_ratio", "0", "overcommit_kbytes", "8"),
        new BootSettings(recorded, kbytes, CommandLine.EMPTY, List.of(floor)).of(floor));
    CommandLine line = CommandLine.parse("vm.overcommit_ratio=9");
    assertEquals(
        Map.of("overcommit_ratio", "9", "overcommit_kbytes", "0"),
        new BootSettings(recorded, kbytes, line, List.of(floor)).of(floor));
  }

  @Test
  void aValueThatNobodyReadsIsRefusedWithTheNearestName() {
    for (String line : List.of("vm.overcomit_memory=2", "sysctl.vm.overcomit_memory=2")) {
      InputException refused = assertThrows(InputException.class, () -> of(line));
      assertTrue(refused.what().contains("did you mean 'vm.overcommit_memory'?"), refused.what());
      assertEquals("vm.overcomit_memory=2", refused.where());
      assertEquals("vm.max_map_count, vm.overcommit_memory", refused.allowed());
    }
    assertThrows(InputException.class, () -> of("vm.foo=1"));
    Map<String, String> given = Map.of("max_map_count", "7");
    assertThrows(
        InputException.class,
        () -> new BootSettings(Map.of(), given, CommandLine.EMPTY, List.of(OTHER)));
  }

  @Test
  void aRecordingMayBringWhatNobodyReads() {
    BootSettings settings =
        new BootSettings(
            Map.of("swappiness", "60", "max_map_count", "1", "overcommit_memory", "1"),
            Map.of("max_map_count", "2"),
            CommandLine.parse("vm.max_map_count=3"),
            List.of(FLOOR));
    assertEquals(Map.of("max_map_count", "3", "overcommit_memory", "1"), settings.of(FLOOR));
    assertEquals(List.of(), settings.notes());
  }

  @Test
  void valuesHaveTheirType() {
    for (String line :
        List.of("vm.max_map_count=x", "vm.max_map_count=", "hugepagesz=0", "stack_guard_gap")) {
      assertThrows(InputException.class, () -> of(line), line);
    }
  }

  @Test
  void aWholeCommandLineIsTakenWithNotes() {
    BootSettings settings =
        of(
            "BOOT_IMAGE=/vmlinuz-6.18 root=UUID=1-2 ro quiet splash mem=1G nvme.poll_queues=2"
                + " sysctl.kernel.panic=1 hugepagesz=2M hugepagez=2M -- vm.foo=1");
    assertEquals(
        List.of(
            "kernel parameters that mm4j does not model: root=UUID=1-2 ro quiet"
                + " nvme.poll_queues=2 sysctl.kernel.panic=1",
            "unknown kernel command line parameters \"BOOT_IMAGE=/vmlinuz-6.18 splash"
                + " hugepagez=2M\", which a kernel passes on to init; did you mean 'hugepagesz'?"),
        settings.notes());
    assertEquals(Map.of("hugepagesz", "2M"), settings.of(FLOOR));
  }

  @Test
  void knownNamesAreReadOnce() {
    assertTrue(KernelParameters.names().size() > 400, "" + KernelParameters.names().size());
    assertTrue(KernelParameters.names().contains("crashkernel"));
    KernelParameters.names().forEach(name -> assertTrue(name.matches("[A-Za-z0-9_.]+"), name));
  }
}
