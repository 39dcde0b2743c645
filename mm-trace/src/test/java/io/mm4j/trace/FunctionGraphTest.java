// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Calls are printed as the kernel's function_graph tracer prints them. */
class FunctionGraphTest {
  private final StringBuilder text = new StringBuilder();

  @AfterEach
  void stop() {
    FunctionGraph.stop();
  }

  private static void call(String origin, Runnable inside) {
    FunctionGraph.enter(origin);
    inside.run();
    FunctionGraph.exit();
  }

  private static void page() {
    call(
        "io.mm4j.api.page.PageCalls.getFreePages/(II)J",
        () ->
            call(
                "io.mm4j.api.page.PageAllocator.allocPages/(Lio/mm4j/api/Cpu;II)J",
                () -> {
                  call("x.Linux.rmqueuePcplist/(I)J", () -> {});
                  call("x.Linux.allocPages/(Lio/mm4j/api/Cpu;III)J", () -> {});
                }));
  }

  private String shape() {
    return text.toString()
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.replaceAll("[ $@*#!+] [0-9]+\\.[0-9]{3} us *\\|", "      TIME us |"))
        .reduce("", (a, b) -> a + b + "\n");
  }

  @Test
  void callsAreIndentedWithDurations() {
    new FunctionGraph(text, 0, Set.of()).start();
    page();
    assertEquals(
        """
         0)               |  __get_free_pages() {
         0)               |    alloc_pages() {
         0)       TIME us |      rmqueue_pcplist();
         0)       TIME us |      alloc_pages_node();
         0)       TIME us |    }
         0)       TIME us |  }
        """,
        shape());
  }

  /** Two methods of mm4j may be one function; a third party's method that calls itself does. */
  @Test
  void whatPassesOnToItsOwnNameIsOneCall() {
    new FunctionGraph(text, 0, Set.of("vmalloc", "walk")).start();
    Runnable leaf = () -> call("x.Mine.walk/(I)J", () -> {});
    call(
        "io.mm4j.vmalloc.space.LinuxSpace.vmalloc/(J)J",
        () -> call("io.mm4j.vmalloc.space.Vmalloc.vmalloc/(J)J", () -> {}));
    call("x.Mine.walk/(I)J", leaf);
    assertEquals(
        """
         0)       TIME us |  vmalloc();
         0)               |  walk() {
         0)       TIME us |    walk();
         0)       TIME us |  }
        """,
        shape());
  }

  @Test
  void depthAndRootsAreChosen() {
    new FunctionGraph(text, 1, Set.of("alloc_pages")).start();
    page();
    assertEquals(" 0)       TIME us |  alloc_pages();\n", shape());
  }

  @Test
  void functionsThatNobodyCalledAreNamed() {
    new FunctionGraph(text, 0, Set.of("vfree", "kfree")).start();
    page();
    FunctionGraph.stop();
    assertEquals("# nobody called kfree, vfree", text.toString().lines().toList().getLast());
  }

  @Test
  void namesAreTheKernels() {
    assertEquals("kmem_cache_alloc", FunctionGraph.name("io.mm4j.api.slab.CpuSlabs.alloc/(II)J"));
    assertEquals("kmem_cache_create", FunctionGraph.name("a.SlubAllocator.kmemCacheCreate/(J)V"));
    assertEquals(
        "__alloc_pages",
        FunctionGraph.name("a.LinuxPageAllocator.allocPages/(Lx/Cpu;IIILx/Mask;)J"));
  }

  @Test
  void durationsHaveSevenDigitsAsTheKernels() {
    assertEquals("  0.217 us    ", FunctionGraph.duration(217));
    assertEquals("+ 34.281 us   ", FunctionGraph.duration(34_281));
    assertEquals("! 136.584 us  ", FunctionGraph.duration(136_584));
    assertEquals("# 2729.161 us ", FunctionGraph.duration(2_729_161));
    assertEquals("* 28497.29 us ", FunctionGraph.duration(28_497_293));
    assertEquals("$ 1234567 us  ", FunctionGraph.duration(1_234_567_890));
  }

  @Test
  void whatTheKernelInlinesIsNoLine() {
    assertEquals("handle_mm_fault", FunctionGraph.name("io.mm4j.a.FaultHandler.handle/(La;JZ)La;"));
    assertEquals(false, KernelNames.isShown("LinuxCursor", "seek", 2));
    assertEquals(false, KernelNames.isShown("FaultHandler", "fits", 2));
    assertEquals(true, KernelNames.isShown("FaultHandler", "handle", 3));
    assertEquals(true, KernelNames.isShown("PageCalls", "getFreePages", 3));
    assertEquals(true, KernelNames.isShown("CpuPages", "alloc", 2));
    assertEquals(false, KernelNames.isShown("CpuPages", "alloc", 3));
  }
}
