// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What a machine wires, and what it says of frames that were not given back. */
class MachineFloorsTest {
  private static final PluginRegistry FOUND = PluginRegistry.discover();

  /** Holds frames from its creation, and gives back all but some when it is closed. */
  private static final class Greedy implements ProcessFloorProvider {
    final long kept;
    long closed;
    @Nullable Floors floors;

    Greedy(long kept) {
      this.kept = kept;
    }

    @Override
    public String name() {
      return "linux";
    }

    @Override
    public String summary() {
      return "for a test";
    }

    @Override
    public List<Setting> settings() {
      return List.of(Setting.sysctl("max_map_count", "-"));
    }

    @Override
    public ProcessFloor create(Floors floors, Options options) {
      this.floors = floors;
      Cpu cpu = floors.cpus().get(0);
      List<Long> pfns = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        long pfn = floors.pages().allocPages(cpu, Gfp.GFP_KERNEL, 0);
        floors.memory().memMap().setOwner(pfn, i % 2 == 0 ? FrameOwner.ANON : FrameOwner.FILE);
        pfns.add(pfn);
      }
      return new ProcessFloor() {
        @Override
        public AddressSpace createAddressSpace(AddressSpaceConfig config) {
          throw new UnsupportedOperationException();
        }

        @Override
        public void failAllocationAfter(long n) {}

        @Override
        public long allocationCount() {
          return 0;
        }

        @Override
        public long committedPages() {
          return 0;
        }

        @Override
        public void close() {
          closed++;
          pfns.stream().skip(kept).forEach(pfn -> floors.pages().freePages(cpu, pfn, 0));
        }
      };
    }
  }

  private record Index(String name) implements VmaIndexProvider {
    @Override
    public String summary() {
      return "for a test";
    }

    @Override
    public Capabilities capabilities() {
      return new Capabilities(true, true, 77);
    }

    @Override
    public VmaIndex create(int maxVmas, Options options) {
      assertEquals(77, maxVmas);
      throw new UnsupportedOperationException("asked for an index");
    }
  }

  private static MachineConfig with(ProcessFloorProvider... floors) {
    Map<Spi<?>, List<? extends PluginProvider>> all = new HashMap<>();
    for (Spi<?> spi : Spi.all()) {
      all.put(spi, FOUND.plugins(spi).stream().map(PluginInfo::provider).toList());
    }
    all.put(Spi.PROCESS, List.of(floors));
    all.put(Spi.VMA_INDEX, List.of(new Index("maple"), new Index("rbtree")));
    return new MachineConfig().memory(64L << 20).cpus(1).registry(PluginRegistry.of(all));
  }

  @Test
  void aMachineWithoutAProcessFloorSaysHowToAddOne() {
    try (Machine machine = with().boot()) {
      InputException refused = assertThrows(InputException.class, machine::processes);
      assertTrue(refused.what().contains("no process plugin was found"), refused.what());
      assertTrue(refused.allowed().contains("io.mm4j:mm-process"), refused.allowed());
    }
    InputException named =
        assertThrows(InputException.class, () -> with().plugin("process=linux").boot());
    assertTrue(named.what().contains("there is no process plugin 'linux'"));
    InputException read =
        assertThrows(InputException.class, () -> with().commandLine("vm.max_map_count=7").boot());
    assertTrue(read.what().contains("vm.max_map_count"), "nobody reads it: " + read.what());
  }

  @Test
  void theProcessFloorIsHandedWhatIsBelow() {
    Greedy greedy = new Greedy(0);
    try (Machine machine =
        with(greedy)
            .architecture(Architecture.X86_PAE)
            .commandLine("vm.max_map_count=7 vm.min_free_kbytes=1024")
            .recordedSysctl("swappiness", "60")
            .boot()) {
      assertEquals(Architecture.X86_PAE, machine.architecture());
      assertSame(machine.processes(), machine.processes());
      ProcessFloorProvider.Floors floors = Objects.requireNonNull(greedy.floors);
      assertSame(machine.memory(), floors.memory());
      assertSame(machine.pages(), floors.pages());
      assertSame(machine.cpus(), floors.cpus());
      assertSame(machine.pressure(), floors.pressure());
      assertEquals(Map.of("max_map_count", "7"), floors.settings());
      assertThrows(UnsupportedOperationException.class, () -> floors.indexes().get());
      assertEquals(PluginSpec.of("linux"), machine.plugins().get(Spi.PROCESS));
    }
  }

  @Test
  void theMachineSaysWhichIndexItTakes() {
    Map<Architecture, String> indexes =
        Map.of(Architecture.X86_64, "maple", Architecture.X86_32_24, "rbtree");
    indexes.forEach(
        (architecture, index) -> {
          try (Machine machine = with(new Greedy(0)).architecture(architecture).boot()) {
            assertEquals(PluginSpec.of(index), machine.plugins().get(Spi.VMA_INDEX));
          }
        });
    MachineConfig chosen = with(new Greedy(0)).architecture(Architecture.X86_32_24);
    try (Machine machine = chosen.plugin("vma-index=maple").boot()) {
      assertEquals(PluginSpec.of("maple"), machine.plugins().get(Spi.VMA_INDEX));
    }
  }

  @Test
  void whatIsGivenBackAtCloseIsNoLeak() {
    Greedy greedy = new Greedy(0);
    List<LeakReport> reports = new ArrayList<>();
    Machine machine = with(greedy).onLeak(reports::add).boot();
    LeakReport before = machine.framesInUse();
    assertEquals(5, before.pages(FrameOwner.ANON));
    assertEquals(4, before.pages(FrameOwner.FILE));
    machine.close();
    machine.close();
    assertEquals(List.of(), reports);
    assertEquals(1, greedy.closed);
  }

  @Test
  void whatIsNotGivenBackIsReportedByOwner() {
    List<LeakReport> reports = new ArrayList<>();
    with(new Greedy(3)).onLeak(reports::add).boot().close();
    LeakReport report = reports.getFirst();
    assertEquals(1, reports.size());
    assertEquals(3, report.pages());
    assertEquals(2, report.pages(FrameOwner.ANON));
    assertTrue(
        report.toString().matches("pages=3: ANON pages=2 first_pfn=0x[0-9a-f]+, FILE pages=1 .*"),
        report.toString());

    Machine strict = with(new Greedy(1)).onLeak(LeakReport::refuse).boot();
    MisuseException leak = assertThrows(MisuseException.class, strict::close);
    String message = String.valueOf(leak.getMessage());
    assertTrue(message.contains("pages=1: ANON pages=1"), message);
    strict.close();

    Greedy unheard = new Greedy(3);
    with(unheard).boot().close();
    assertEquals(1, unheard.closed);
  }
}
