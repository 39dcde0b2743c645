// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Advice;
import io.mm4j.api.process.MapFlag;
import io.mm4j.api.process.Prot;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Machines whose plugins are traced do what they did, and what they do is told. */
class TracerTest {
  private static final PluginRegistry FOUND = PluginRegistry.discover();

  @TempDir Path dir;

  private static MachineConfig config(PluginRegistry registry) {
    return new MachineConfig().memory(64L << 20).registry(registry);
  }

  /** With tracing off nothing is wrapped: the plugin in use is the plugin's own class. */
  @Test
  void withoutATracerThereIsNoWrapper() {
    try (Machine machine = config(FOUND).boot()) {
      for (Object plugin : plugins(machine)) {
        assertFalse(isWrapper(plugin), plugin.getClass().getName());
      }
    }
    Tracer tracer = Tracer.to(new TraceSink() {});
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      for (Object plugin : plugins(machine)) {
        assertTrue(isWrapper(plugin), plugin.getClass().getName());
      }
    }
  }

  private static List<Object> plugins(Machine machine) {
    return List.of(
        machine.zones().getFirst().frames(),
        machine.pages(),
        machine.slabs(),
        machine.vmalloc(),
        machine.processes());
  }

  private static boolean isWrapper(Object plugin) {
    return plugin.getClass().getPackageName().equals("io.mm4j.trace");
  }

  /** Answers, frame for frame, are those of the plugins without a tracer. */
  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void answersDoNotChange(String pages) {
    List<Long> without;
    try (Machine machine = config(FOUND).plugin("page-allocator=" + pages).boot()) {
      without = work(machine);
    }
    Tracer tracer = Tracer.to(new FtraceText(new StringBuilder()));
    MachineConfig config = config(tracer.trace(FOUND)).plugin("page-allocator=" + pages);
    try (Machine machine = config.boot()) {
      assertEquals(without, work(machine));
    }
  }

  private static List<Long> work(Machine machine) {
    List<Long> answers = new ArrayList<>();
    Cpu cpu = machine.cpus().get(0);
    PageAllocator pages = machine.pages();
    for (int order = 0; order <= 5; order++) {
      answers.add(pages.allocPages(cpu, Gfp.GFP_KERNEL, order));
      answers.add(pages.on(cpu).alloc(Gfp.GFP_HIGHUSER_MOVABLE, order));
    }
    for (int order = 0; order <= 5; order++) {
      pages.freePages(cpu, answers.get(2 * order), order);
      pages.on(cpu).free(answers.get(2 * order + 1), order);
    }
    SlabAllocator slabs = machine.slabs();
    for (int bytes = 8; bytes < 40_000; bytes *= 3) {
      long object = slabs.kmalloc(cpu, bytes, Gfp.GFP_KERNEL);
      answers.add(object);
      slabs.kfree(cpu, object);
    }
    AddressSpace space = machine.processes().spawn();
    long at = space.mmap(0, 8192, Uapi.PROT_READ, Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS, -1, 0);
    answers.add(at);
    space.read(at);
    long area = machine.kernelSpace().vmalloc(cpu, 10_000);
    answers.add(area);
    machine.kernelSpace().vfree(cpu, area);
    space.exit();
    machine.validate();
    return answers;
  }

  @ParameterizedTest
  @ValueSource(strings = {"linux", "direct"})
  void eventsReadAsTheKernelsDo(String pages) {
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text));
    MachineConfig config = config(tracer.trace(FOUND)).plugin("page-allocator=" + pages);
    try (Machine machine = config.boot()) {
      work(machine);
    }
    String line = "(?m)^ +mm4j-1 +\\[000\\] \\.{5} +[0-9]+\\.[0-9]{6}: ";
    for (String event :
        List.of(
            "mm_page_alloc: page=ffffea[0-9a-f]{10} pfn=0x[0-9a-f]+ order=3 migratetype=0"
                + " gfp_flags=GFP_KERNEL$",
            "mm_page_free: page=ffffea[0-9a-f]{10} pfn=0x[0-9a-f]+ order=5$",
            "kmalloc: ptr=0x[0-9a-f]+ bytes_req=24 bytes_alloc=32 gfp_flags=GFP_KERNEL node=-1"
                + " accounted=false$",
            "kfree: ptr=0x[0-9a-f]+$",
            "sys_mmap\\(addr: 0, len: 0x2000, prot: 1, flags: 0x22, fd: 0xffffffff, off: 0\\)$",
            "sys_mmap -> 0x7[0-9a-f]+$",
            "exit_mmap: mt_mod 0+, DESTROY$")) {
      assertTrue(Pattern.compile(line + event).matcher(text).find(), event + "\n" + text);
    }
    boolean inner = text.toString().contains("mm_page_alloc_zone_locked: ");
    assertEquals(pages.equals("linux"), inner, "only linux has a sink of its own");
  }

  /** What a caller of the SPI could not tell; the lines are those of a program on Linux 6.18. */
  @Test
  void searchesAndPageFaultsAreToldInsideTheirCalls() {
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text));
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      AddressSpace space = machine.processes().spawn();
      text.setLength(0);
      long rw = Uapi.PROT_READ | Uapi.PROT_WRITE;
      long at = space.mmap(0, 8192, rw, Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS, -1, 0);
      space.read(at);
      space.write(at, 1);
      space.write(at, 2);
      space.mprotect(at, 4096, Uapi.PROT_READ);
      space.write(at, 3);
      space.execute(at);
      AddressSpace child = space.fork();
      assertNotNull(child);
      child.write(at + 4096, 4);
      space.syscall(Syscall.PIPE2, at + 4096, 0);
      space.munmap(at, 8192);
      child.write(at + 8192, 4);
    }
    List<String> told =
        text.toString()
            .lines()
            .map(line -> line.replaceFirst(".*[0-9]: ", "").replaceAll("0x7[0-9a-f]{8,}", "ADDR"))
            .filter(line -> line.matches("(sys_|vm_|page_fault).*"))
            .map(line -> line.replaceFirst("total_vm=0x[0-9a-f]+", "total_vm=N"))
            .toList();
    assertEquals(
        List.of(
            "sys_mmap(addr: 0, len: 0x2000, prot: 3, flags: 0x22, fd: 0xffffffff, off: 0)",
            "vm_unmapped_area: addr=ADDR err=0 total_vm=N flags=0x1 len=0x2000 lo=0x1000 hi=ADDR"
                + " mask=0x0 ofs=0x0",
            "sys_mmap -> ADDR",
            "page_fault_user: address=ADDR ip=0x0 error_code=0x4",
            "page_fault_user: address=ADDR ip=0x0 error_code=0x7",
            "sys_mprotect(start: ADDR, len: 0x1000, prot: 1)",
            "sys_mprotect -> 0x0",
            "page_fault_user: address=ADDR ip=0x0 error_code=0x7",
            "page_fault_user: address=ADDR ip=0x0 error_code=0x15",
            "page_fault_user: address=ADDR ip=0x0 error_code=0x6",
            "sys_pipe2(fds: ADDR, flags: 0)",
            "page_fault_kernel: address=ADDR ip=0x0 error_code=0x2",
            "sys_pipe2 -> 0x0",
            "sys_munmap(addr: ADDR, len: 0x2000)",
            "sys_munmap -> 0x0",
            "page_fault_user: address=ADDR ip=0x0 error_code=0x6"),
        told);
  }

  /** Where a file of huge pages is looked for, Linux 6.18 leaves the offset out. */
  @Test
  void aSearchForHugePagesOfThePoolHasNoOffset() {
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text));
    try (Machine machine = config(tracer.trace(FOUND)).sysctl("nr_hugepages", "2").boot()) {
      AddressSpace space = machine.processes().spawn();
      text.setLength(0);
      long flags = Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS | Uapi.MAP_HUGETLB;
      long huge = 2L << 20;
      assertTrue(space.mmap(0, huge, Uapi.PROT_READ, flags, -1, huge) > 0);
    }
    assertTrue(text.toString().contains(" mask=0x1ff000 ofs=0x0\n"), text::toString);
  }

  /** The flags are those that Linux 6.18 shows of the same steps. */
  @Test
  void pagesOfProcessesAreAskedForAsTheKernelDoes() {
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text));
    String zeroed = "0 GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP";
    String folio = "0 GFP_HIGHUSER_MOVABLE|__GFP_COMP";
    String table = "0 GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_COMP";
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      AddressSpace space = machine.processes().spawn();
      long rw = Uapi.PROT_READ | Uapi.PROT_WRITE;
      long at = space.mmap(0, 8192, rw, Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS, -1, 0);
      space.write(at, 1);
      text.setLength(0);
      space.write(at + 4096, 1);
      assertEquals(List.of(zeroed), requests(text));
      long far = 1L << 44;
      long fixed = Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS | Uapi.MAP_FIXED;
      space.mmap(far, 4096, rw, fixed, -1, 0);
      text.setLength(0);
      space.write(far, 1);
      assertEquals(List.of(table, table, table, zeroed), requests(text));
      AddressSpace child = space.fork();
      assertNotNull(child);
      text.setLength(0);
      child.write(at, 2);
      assertEquals(List.of(folio), requests(text));
      long shared = space.mmap(0, 4096, rw, Uapi.MAP_SHARED | Uapi.MAP_ANONYMOUS, -1, 0);
      text.setLength(0);
      space.write(shared, 1);
      assertEquals(List.of(folio), requests(text));
    }
  }

  /** What Linux 6.18.44 told of the same calls, but for what a process had before. */
  @Test
  void countersOfTheResidentSetAreToldByStep() {
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text));
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      AddressSpace space = machine.processes().spawn();
      long rw = Prot.READ | Prot.WRITE;
      long flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS | MapFlag.FIXED;
      long at = space.mmap(1L << 44, 32 * 4096, rw, flags, -1, 0);
      space.write(at, 1);
      space.read(at + 4096); // the zero page is none of its pages
      space.write(at + 4096, 1);
      space.munmap(at, 8192);
      space.mmap(at, 4 * 4096, rw, flags | MapFlag.POPULATE, -1, 0);
      space.munmap(at, 4 * 4096);
      long huge = 2L << 20;
      space.mmap(1L << 45, 2 * huge, rw, flags, -1, 0);
      space.madvise(1L << 45, 2 * huge, Advice.HUGEPAGE);
      space.write(1L << 45, 1);
      space.write((1L << 45) + huge, 1);
      space.madvise(1L << 45, 2 * huge, Advice.DONTNEED);
      List<Long> pages =
          text.toString()
              .lines()
              .filter(line -> line.contains(" rss_stat: "))
              .map(line -> line.replaceFirst(".* type=MM_ANONPAGES size=(\\d+)B", "$1"))
              .map(size -> Long.parseLong(size) / 4096)
              .toList();
      assertEquals(List.of(1L, 2L, 0L, 1L, 2L, 3L, 4L, 0L, 512L, 1024L, 512L, 0L), pages);
    }
  }

  /** The huge zero page can be given up, and not moved. */
  @Test
  void theHugeZeroPageIsNotMovable() {
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text));
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      AddressSpace space = machine.processes().spawn();
      long rw = Uapi.PROT_READ | Uapi.PROT_WRITE;
      long huge = 2L << 20;
      long fixed = Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS | Uapi.MAP_FIXED;
      long at = space.mmap(1L << 44, 2 * huge, rw, fixed, -1, 0);
      assertEquals(0, space.madvise(at, 2 * huge, Uapi.MADV_HUGEPAGE));
      space.read(at);
      space.write(at + huge, 1);
    }
    List<String> blocks =
        text.toString()
            .lines()
            .filter(line -> line.contains(" mm_page_alloc: ") && line.contains(" order=9 "))
            .map(line -> line.replaceFirst(".* (migratetype=\\d) gfp_flags=.*", "$1"))
            .toList();
    assertEquals(List.of("migratetype=0", "migratetype=1"), blocks);
  }

  private static List<String> requests(StringBuilder text) {
    return text.toString()
        .lines()
        .filter(line -> line.contains(" mm_page_alloc: "))
        .map(line -> line.replaceFirst(".* order=(\\d+) .* gfp_flags=", "$1 "))
        .toList();
  }

  @Test
  void eventsOfTheFlightRecorderCanBeRead() throws IOException {
    Path file = dir.resolve("run.jfr");
    try (Tracer tracer = Tracer.to(new JfrEvents(file));
        Machine machine = config(tracer.trace(FOUND)).boot()) {
      work(machine);
      AddressSpace space = machine.processes().spawn();
      long flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
      assertTrue(space.write(space.mmap(0, 4096, Prot.WRITE, flags, -1, 0), 1).ok());
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file);
    for (String name :
        List.of(
            "mm_page_alloc",
            "mm_page_free",
            "kmem_alloc",
            "kmem_free",
            "alloc_vmap_area",
            "free_vmap_area_noflush",
            "purge_vmap_area_lazy",
            "syscall",
            "vm_unmapped_area",
            "rss_stat",
            "page_fault",
            "exit_mmap")) {
      assertTrue(
          events.stream().anyMatch(e -> e.getEventType().getName().equals("mm4j." + name)), name);
    }
  }

  @Test
  void requestsFailAsTheKnobsSay() {
    FaultKnobs knobs = FaultKnobs.parse("fail_page_alloc", "nth=3", 1);
    StringBuilder text = new StringBuilder();
    Tracer tracer = Tracer.to(new FtraceText(text)).failPageAlloc(knobs);
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      Cpu cpu = machine.cpus().get(0);
      List<Long> got = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        got.add(machine.pages().on(cpu).alloc(Gfp.GFP_KERNEL, 0));
      }
      assertEquals(PageAllocator.NO_PAGE, got.get(2));
      got.remove(2);
      got.forEach(pfn -> assertNotEquals(PageAllocator.NO_PAGE, pfn));
      got.forEach(pfn -> machine.pages().freePages(cpu, pfn, 0));
      machine.validate();
    }
    assertEquals(1, knobs.failed());
    assertTrue(
        text.toString().contains("mm_page_alloc: page=0000000000000000 pfn=0x0 order=0"), "told");
  }

  /** Only what some functions ask for fails, and not what others ask for. */
  @ParameterizedTest
  @CsvSource({
    "require=do_anonymous_page, false",
    "require=no_such.method+Touch.attempt, false",
    "require=do_wp_page, true",
    "'require=exc_page_fault,reject=handle_mm_fault', true",
    "'require=exc_page_fault,reject=do_wp_page', false",
    "'require=do_anonymous_page,stacktrace-depth=1', true"
  })
  void requestsOfSomeFunctionsFail(String filter, boolean works) {
    FaultKnobs knobs =
        FaultKnobs.parse("fail_page_alloc", "ignore-gfp-highmem=N,times=-1," + filter, 1);
    Tracer tracer = Tracer.to(new TraceSink() {}).failPageAlloc(knobs);
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      Cpu cpu = machine.cpus().get(0);
      assertNotEquals(PageAllocator.NO_PAGE, machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 0));
      AddressSpace space = machine.processes().spawn();
      long flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
      long at = space.mmap(0, 8192, Prot.READ | Prot.WRITE, flags, -1, 0);
      assertEquals(works, space.write(at, 1).ok());
      assertEquals(works, knobs.failed() == 0, () -> "failed=" + knobs.failed());
    }
  }

  /** However they are asked for; a large block is none of the slab allocator's objects. */
  @ParameterizedTest
  @ValueSource(strings = {"slub", "page"})
  void objectsFailAsTheKnobsSay(String slab) {
    StringBuilder text = new StringBuilder();
    FaultKnobs knobs = FaultKnobs.parse("failslab", "times=-1", 1);
    Tracer tracer = Tracer.to(new FtraceText(text)).failslab(knobs);
    try (Machine machine = config(tracer.trace(FOUND)).plugin("slab=" + slab).boot()) {
      Cpu cpu = machine.cpus().get(0);
      SlabAllocator slabs = machine.slabs();
      KmemCache cache = slabs.kmemCacheCreate(KmemCacheArgs.of("foo", 64));
      assertEquals(SlabAllocator.NO_OBJECT, slabs.on(cpu).kmalloc(100, Gfp.GFP_KERNEL));
      assertEquals(SlabAllocator.NO_OBJECT, slabs.on(cpu).alloc(cache, Gfp.GFP_KERNEL));
      assertEquals(SlabAllocator.NO_OBJECT, slabs.kmalloc(cpu, 100, Gfp.GFP_KERNEL));
      assertEquals(0, slabs.kmemCacheAllocBulk(cpu, cache, Gfp.GFP_KERNEL, new long[4], 4));
      long large = slabs.on(cpu).kmalloc(20_000, Gfp.GFP_KERNEL);
      assertNotEquals(SlabAllocator.NO_OBJECT, large);
      assertEquals(SlabAllocator.NO_OBJECT, slabs.krealloc(cpu, 0, 8, Gfp.GFP_KERNEL));
      slabs.on(cpu).kfree(large);
      assertEquals(5, knobs.failed());
    }
    List<String> told =
        text.toString()
            .lines()
            .filter(line -> line.contains(" ptr=0000000000000000 "))
            .map(line -> line.replaceFirst(".* (bytes_req=\\d+) .*", "$1"))
            .toList();
    assertEquals(List.of("bytes_req=100", "bytes_req=64", "bytes_req=100", "bytes_req=8"), told);
  }

  @Test
  void whoHoldsPagesIsKnownWithItsStack() {
    List<String> findings = new ArrayList<>();
    Checks checks = new Checks(findings::add);
    Tracer tracer = Tracer.to(checks);
    try (Machine machine = config(tracer.trace(FOUND)).boot()) {
      Cpu cpu = machine.cpus().get(0);
      long before = checks.held().size();
      long leaked = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 4);
      assertEquals(before + 1, checks.held().size());
      assertTrue(
          checks.held().getFirst().contains("16 pages in 1 blocks"), checks.held()::toString);
      assertTrue(checks.held().getFirst().contains(".allocPages("), checks.held()::toString);
      machine.pages().splitPage(leaked, 4);
      for (long pfn = leaked; pfn < leaked + 16; pfn++) {
        machine.pages().freePages(cpu, pfn, 0);
      }
      assertEquals(before, checks.held().size());
      assertEquals(List.of(), findings);
      // What a wrong allocator would do.
      TraceSink seen = checks.machine();
      seen.alloc(cpu, 100, 2, Gfp.GFP_KERNEL, 0);
      seen.alloc(cpu, 102, 0, Gfp.GFP_KERNEL, 0);
      assertEquals(1, findings.size());
      assertTrue(
          findings.getFirst().startsWith("overlap: block pfn=0x66 order=0"), findings::toString);
      seen.free(cpu, 102, 0);
      seen.free(cpu, 102, 0);
      assertTrue(findings.getLast().startsWith("double free: block pfn=0x66"), findings::toString);
      assertEquals(2, checks.findings());
    }
  }
}
