// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static io.mm4j.cli.Cli.assertHas;
import static io.mm4j.cli.Cli.folded;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Machines, free blocks, page events and operations as others print and write them. */
class OtherStatesTest {
  @TempDir Path dir;

  private String file(String text) throws IOException {
    return Files.writeString(dir.resolve("text.txt"), text).toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "(XEN)  0000000000100000 - 0000000040000000 (usable)",
        "(XEN)  [0000000000100000, 000000003fffffff] (usable)",
        "'[    0.0]  memory[0x1]\t[0x0000000000100000-0x000000003fffffff], 0x3ff00000 bytes'",
        "0x0000000000100000-0x000000003fffffff    1G online       yes   0-7",
        "0x100000 0x3fffffff System RAM",
        "'[    0.0]   node   0: [mem 0x0000000000100000-0x000000003fffffff]'",
      })
  void memoryIsListedInManyWays(String line) throws IOException {
    assertHas(
        folded(0, "explain", "boot", "--machine", file(line.replace("\\t", "\t") + "\n")),
        "[mem 0x0000000000100000-0x000000003fffffff] usable");
  }

  @Test
  void aLogWithoutAMapHasTheRangesOfItsNodes() throws IOException {
    String log =
        """
        [    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]
        [    0.000000] Early memory node ranges
        [    0.000000]   node   0: [mem 0x0000000040000000-0x000000005fffffff]
        [    0.000000]   node   1: [mem 0x0000000060000000-0x000000007fffffff]
        [    0.000000] Initmem setup node 0 [mem 0x0000000040000000-0x000000005fffffff]
        """;
    assertHas(
        folded(0, "explain", "boot", "--machine", file(log)),
        "no map of the firmware is in it",
        "Node 1, zone DMA32");
    String both = log + "[    0.0] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n";
    assertHas(
        folded(0, "explain", "boot", "--machine", file(both)),
        "[mem 0x0000000000100000-0x000000007fffffff] usable");
  }

  @Test
  void freeBlocksAreListedInManyWays() throws IOException {
    String table =
        """
        Node ID  Zone     Order 0        1        2        3        4
        Node 0   DMA            0        0        1        0        0
        Node 0   Normal     15009     3297     1623      524        0
        """;
    assertHas(buddyinfo(table), "zone DMA 0 0 1 0", "zone Normal 15009 3297 1623 524 0 0");
    String metrics =
        """
        # TYPE node_buddyinfo_blocks gauge
        node_buddyinfo_blocks{node="0",size="0",zone="Normal"} 4381
        node_buddyinfo_blocks{node="0",size="1",zone="Normal"} 1.093e+03
        node_buddyinfo_blocks{node="0",size="10",zone="DMA"} 2
        """;
    assertHas(buddyinfo(metrics), "zone DMA 0 0 0 0 0 0 0 0 0 0 2", "zone Normal 4381 1093 0");
    String crash =
        """
        crash> kmem -f
        NODE
          0
        ZONE  NAME        SIZE    FREE      MEM_MAP       START_PADDR  START_MAPNR
          0   DMA         4080    2738  ffffea0000000038      1000            1
        AREA    SIZE  FREE_AREA_STRUCT  BLOCKS  PAGES
          0       4k  ffff88000000a0a0      2      2
          1       8k  ffff88000000a0f8      2      4

        ZONE  NAME        SIZE    FREE      MEM_MAP       START_PADDR  START_MAPNR
          1   DMA32    1044480  362294  ffffea0000038000     1000000         4096
        AREA    SIZE  FREE_AREA_STRUCT  BLOCKS  PAGES
          0       4k  ffff88000000aba0   4000   4000
        """;
    assertHas(buddyinfo(crash), "zone DMA 2 2 0", "zone DMA32 4000 0 0");
    String wrapped =
        """
        Node 0, zone      DMA      0      1      0      0      2      1      1
        0      1      1      3
        Node 0, zone   Normal   1348    491    359    179     42     13      2
        1      0      0      0
        """;
    assertHas(
        buddyinfo(wrapped),
        "zone DMA 0 1 0 0 2 1 1 0 1 1 3",
        "zone Normal 1348 491 359 179 42 13 2 1 0 0 0");
  }

  private String buddyinfo(String dump) throws IOException {
    return folded(0, "cat", "/proc/buddyinfo", "--after", file(dump));
  }

  @Test
  void pagesMayBeLargerThanFourKilobytes() throws IOException {
    String report =
        """
        kworker/u16:2: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=(null)
        CPU: 5 UID: 0 PID: 71 Comm: kworker/u16:2 Not tainted 6.12.20-rpi-2712 #1
        Node 0 DMA free:59392kB boost:0kB min:16384kB low:20480kB high:24576kB present:524288kB managed:458752kB
        lowmem_reserve[]: 0 0 0
        Node 0 DMA: 2112*16kB (UME) 800*32kB (UME) 0*64kB 0*128kB 0*256kB 0*512kB = 59392kB
        """;
    assertHas(
        folded(0, "explain", "--after", file(report)),
        "its pages have 16 kB",
        "3712 free pages; 1024 must stay (watermark min): enough pages, but no free block of order"
            + " 4 or more",
        "= no page");
    assertHas(buddyinfo(report), "zone DMA 2112 800 0 0");
  }

  @Test
  void aZoneOfAllLowMemoryKeepsNothingFromItself() throws IOException {
    // 5.4 on ARM: zone DMA has all low memory, Normal is empty, HighMem is not shown.
    String report =
        """
        iptables: page allocation failure: order:2, mode:0x140dc0(GFP_USER|__GFP_ZERO), nodemask=(null)
        CPU: 0 PID: 27 Comm: iptables Not tainted 5.4.77 #1
        DMA free:16960kB min:16384kB low:25664kB high:29760kB present:458752kB managed:422896kB
        lowmem_reserve[]: 0 0 579 579
        DMA: 71*4kB (UH) 113*8kB (UH) 985*16kB (UMH) 0*32kB 0*64kB 0*128kB 0*256kB = 16948kB
        """;
    String text = folded(0, "explain", "--after", file(report));
    assertHas(text, "zone DMA: 4237 free pages; 4096 must stay (watermark min): may serve");
    assertFalse(text.contains("lowmem reserve"), text);
  }

  @Test
  void aStateWithoutARequestAsksForOne() throws IOException {
    String state = "Node 0, zone   Normal   90   80   10   0   0   0   0   0   0   0   0\n";
    assertHas(
        folded(2, "explain", "--after", file(state)), "names no request", "alloc_pages GFP_KERNEL");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "'[   12.345680]       sh-7         1d..1 1234567us : '!'[   12.4]   sh-7   1d..1"
            + " 1234667us+: '",
        "'      sh-7       1.... 5000000us : '!'      sh-7       1.... 5000010us!: '",
        "'           sh-7       (    7) [001] .... 1.000001: '!' sh-7  (-----) [001] .... 1.0: '",
      })
  void eventsOfPagesInOtherForms(String alloc, String free) throws IOException {
    String trace =
        alloc
            + "mm_page_alloc: page=00000000d2 pfn=4096 order=2 migratetype=0 gfp_flags=GFP_KERNEL\n"
            + free
            + "mm_page_free: page=00000000d2 pfn=4096 order=2\n";
    assertHas(folded(0, "run", file(trace), "--memory", "64M", "--csv"), "buddy,1,4,0,1,0");
  }

  @Test
  void perfTraceLeavesOutWhatIsZero() throws IOException {
    String trace =
        """
             0.000 sh/77 kmem:mm_page_alloc(pfn: 1155800, gfp_flags: 3264)
             0.105 sh/77 kmem:mm_page_alloc(pfn: 1155804, order: 2, gfp_flags: 1051850, migratetype: 1)
             0.210 sh/77 kmem:mm_page_free(pfn: 1155800)
        """;
    assertHas(folded(0, "run", file(trace), "--memory", "64M", "--csv"), "buddy,2,5,0,1,0");
    assertHas(
        folded(2, "run", file(trace.replace("1051850", "1051")), "--memory", "64M"),
        "gfp_flags=1051 is movable and reclaimable at once",
        "line 2");
    assertHas(
        folded(2, "run", file(trace.replace("1155804, order", "1, order")), "--memory", "64M"),
        "a block of order 2 begins at pfn=1",
        "line 2");
  }

  @Test
  void aSlideIsWrittenInC() throws IOException {
    String pages =
        """
        # week 7: the buddy system
        struct page *p = alloc_pages(GFP_KERNEL, 2);
        q = alloc_pages(GFP_KERNEL, 0);   // one page
        __free_pages(p, 2);
        __free_pages(q, 0);
        """;
    assertHas(folded(0, "explain", "@" + file(pages)), "$3 __free_pages", "$4 __free_pages");
    String calls =
        """
        char *p = (char *)mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
        p[0] = 'x';
        mprotect(p + 4096, 4096, PROT_READ);
        *p = 1;
        munmap(p, 8192);
        """;
    String text = folded(0, "explain", "@" + file(calls));
    assertHas(text, "$2 write", "$3 mprotect(0x7ffff7ff6000, 4K, PROT_READ)", "$5 munmap");
    String program =
        """
        #include <sys/mman.h>
        int main(void) {
          char *a = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          munmap(a, 4096);
          return 0;
        }
        """;
    assertHas(folded(0, "explain", "@" + file(program)), "mmap(NULL, 12K,", "$2 munmap");
    assertHas(
        folded(0, "explain", "@" + file("buf = kmalloc(100, GFP_KERNEL);\nkfree(buf);\n")),
        "kmalloc",
        "kfree");
    assertHas(
        folded(0, "explain", "@" + file("mmap 8K   # two pages\nwrite $1  # copy on write\n")),
        "$2 write");
    assertHas(
        folded(2, "explain", "@" + file("p = frobnicate(7);\nmunmap(p, 4096);\n")), "frobnicate");
  }
}
