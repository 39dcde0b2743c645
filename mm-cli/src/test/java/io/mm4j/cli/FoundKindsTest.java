// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static io.mm4j.cli.Cli.assertHas;
import static io.mm4j.cli.Cli.folded;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kinds of texts: each is read, or refused with what it is and what to bring in its place. */
class FoundKindsTest {
  private static final String ZONE =
      """
      Node 0 Normal free:12000kB min:2800kB low:3500kB high:4200kB present:262144kB managed:250000kB
      lowmem_reserve[]: 0 0 0
      Node 0 Normal: 2000*4kB (UME) 500*8kB (UME) 0*16kB 0*32kB = 12000kB
      """;

  @TempDir Path dir;

  private String file(String text) throws IOException {
    return Files.writeString(dir.resolve("text.txt"), text).toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "PERFILE2h!perf's own file!perf script",
        "LPKSHHRH!the journal's own file!journalctl -k",
        "BZh91AY!packed!gzip",
        "==7== Memcheck, a memory error detector!its own malloc!strace -f",
        "@ ./a.out:[0x40057d] + 0x1ba0460 0x64!its own malloc!strace -f",
        "cat-7 [001] 1.2: sys_enter_mmap: addr: 0x0, len: 0x2000!ftrace's events!perf trace",
        "cat-7 [001] 1.2: sys_enter: NR 9 (0, 2000, 3, 22, ff, 0)!ftrace's events!perf trace",
        "type=SYSCALL msg=audit(1.2:3): arch=c000003e syscall=9!the audit log!strace -f",
        "  7 cat CALL mmap(0,0x2000,0x3,0x1002,0xffffffff,0)!other systems!strace -f",
        "nr_free_pages 12345!sums only!/proc/buddyinfo",
        "slabinfo - version: 2.1!objects of caches!/proc/buddyinfo",
        "fatal error: out of memory\\n\\nruntime stack:!crash report of Go!strace",
        "vmap allocation for size 1052672 failed!vmalloc area had no room!layout",
        "cma: cma_alloc: reserved: alloc failed, req-size: 256 pages!CMA!Mem-Info",
        "memory: usage 102400kB, limit 102400kB, failcnt 14!memory cgroup!Mem-Info",
        "lowmemorykiller: Killing 'x' (7), adj 906!Android's low memory killer!Mem-Info",
        "Out of memory: Killed process 812 (java) total-vm:3000kB!killed says nothing!Mem-Info",
        "BUG: unable to handle kernel NULL pointer dereference!no request for pages!Mem-Info",
        "unreferenced object 0xffff888012345678 (size 64):!single pages or objects!Mem-Info",
        "Node 0, zone Normal -1.000 0.954 0.978!indices of fragmentation!/proc/buddyinfo",
      })
  void whatCannotBeReadIsNamed(String text, String what, String allowed) throws IOException {
    String refused = folded(2, "explain", "--after", file(text.replace("\\n", "\n") + "\n"));
    assertHas(refused, what, allowed);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "555555554000-7ffd1c3c2000 ---p 00000000 00:00 0 [rollup]!smaps_rollup",
        "lr-------- 1 root root 64 Nov 2 12:00 400000-401000 -> /tmp/a!map_files",
        "  CORE  0x00000123 NT_FILE (mapped files)!a core's list of files",
        "'  0x0000555555554000 - 0x0000555555555000 is load1'!gdb's info files",
        "a 7 1.0: PERF_RECORD_MMAP2 7/7: [0x1000(0x1000) @ 0]: r-xp /tmp/a!where files are mapped",
        "0x555555554000 - 0x555555556fff  a.out  ???  (main)!where files are mapped",
        "libc.so.6 => /lib/libc.so.6 (0x00007ffff7d8f000)!where files are mapped",
        "REGION TYPE                    START - END         [ VSIZE!another system than Linux",
        "VmPeak:     3000 kB!sums only",
        "goroutine 1 [running]:!crash report of Go",
      })
  void whatShowsNoMappingsIsNamed(String text, String what) throws IOException {
    String refused = folded(2, "explain", "mmap 1M", "--maps", file(text + "\n"));
    assertHas(refused, what, "/proc/PID/maps");
  }

  @Test
  void whatIsNoMapOfMemoryIsNamed() throws IOException {
    assertHas(
        folded(2, "explain", "boot", "--machine", file("MemTotal: 16303456 kB\n")),
        "/proc/meminfo has sums only",
        "BIOS-e820");
    assertHas(
        folded(2, "explain", "boot", "--machine", file("Handle 0x11, DMI type 17, 34 bytes\n")),
        "not yet what a kernel made of it");
    assertHas(folded(2, "explain", "boot", "--machine", "x86_64"), "did you mean 'x86-64'?");
    assertHas(folded(2, "explain", "aloc_pages", "GFP_KERNEL", "3"), "mean 'alloc_pages'?");
  }

  @Test
  void textInUtf16IsNamed() throws IOException {
    Path log = dir.resolve("utf16.txt");
    Files.write(log, "\ufeffbrk(NULL) = 0x1000\n".getBytes(StandardCharsets.UTF_16LE));
    assertHas(folded(2, "replay", log.toString()), "UTF-16", "UTF-8");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "ip: page allocation failure: order:5, mode:0x40cc0(GFP_KERNEL|__GFP_COMP)!order=5",
        "sh: page allocation stalls for 10004ms, order:4, mode:0x14000c0(GFP_KERNEL)!order=4",
        "modprobe: vmalloc error: size 16384, page order 3, failed to allocate pages,"
            + " mode:0xcc0(GFP_KERNEL)!order=3",
        "modprobe: vmalloc: allocation failure, allocated 12288 of 16384 bytes,"
            + " mode:0x14000c0(GFP_KERNEL)!order=0",
      })
  void requestsFailInManyWords(String header, String order) throws IOException {
    String report = header + "\nCPU: 0 PID: 7 Comm: sh Not tainted 5.10.110 #1\n" + ZONE;
    assertHas(folded(0, "explain", "--after", file(report)), order, "3000 free pages");
  }

  @Test
  void theKernelsOwnLogHasNumbersInFront() throws IOException {
    String report =
        """
        4,1001,52361,-;ip: page allocation failure: order:5, mode:0x40cc0(GFP_KERNEL|__GFP_COMP)
        4,1002,52362,-;CPU: 0 PID: 812 Comm: ip Not tainted 5.10.110 #1
        4,1004,52364,-;Normal free:12000kB min:2800kB low:3500kB high:4200kB managed:250000kB
        4,1005,52365,-;lowmem_reserve[]: 0 0 0
        4,1006,52366,c;Normal: 2000*4kB (UME) 500*8kB (UME) 0*16kB 0*32kB = 12000kB
        """;
    assertHas(folded(0, "explain", "--after", file(report)), "3000 free pages", "= no page");
  }

  /** One node has all that could be wanted, and the request may not have it. */
  @Test
  void aRequestMayBeBoundToNodes() throws IOException {
    String report =
        """
        t invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
        CPU: 0 PID: 812 Comm: t Not tainted 6.5.0 #21
        Node 0 DMA32 free:1400832kB boost:0kB min:5600kB low:7000kB high:8400kB present:3000000kB managed:2900000kB
        lowmem_reserve[]: 0 0 0 0 0
        Node 1 Normal free:4300kB boost:0kB min:5600kB low:7000kB high:8400kB present:3000000kB managed:2900000kB
        lowmem_reserve[]: 0 0 0 0 0
        Node 0 DMA32: 0*4kB 0*8kB 342*4096kB (M) = 1400832kB
        Node 1 Normal: 75*4kB (UME) 500*8kB (UM) = 4300kB
        """;
    String bound =
        report
            + "oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,cpuset=/,mems_allowed=0-1\n";
    String text = folded(0, "explain", "--after", file(bound));
    assertHas(text, "nodemask=1", "1075 free pages; 1400 must stay", "= no page");
    assertTrue(!text.contains("may serve"), text);
    // A cpuset binds user memory, and what the kernel asks for itself may leave it.
    String cpuset = report + "t cpuset=a mems_allowed=1\n";
    assertHas(folded(0, "explain", "--after", file(cpuset)), "nodemask=1", "= no page");
    assertHas(
        folded(
            0,
            "explain",
            "--after",
            file(cpuset.replaceAll("0x140.*COMP\\)", "0xcc0(GFP_KERNEL)"))),
        "= pfn ");
    assertHas(folded(0, "explain", "--after", file(report)), "= pfn ");
    // Another request is not the report's, and bound to nothing.
    assertHas(
        folded(0, "explain", "alloc_pages", "GFP_KERNEL", "1", "--after", file(bound)), "= pfn ");
  }

  @Test
  void aKernelWithoutAZoneServesFromItsLowest() throws IOException {
    String report =
        "Xorg: page allocation failure: order:8, mode:0xd1\n"
            + "CPU: 0 PID: 812 Comm: Xorg Not tainted 3.18.11-v7+ #781\n"
            + ZONE.replace("Node 0 ", "");
    assertHas(
        folded(0, "explain", "--after", file(report)),
        "its kernel has no zone DMA, so its lowest zone serves instead",
        "alloc_pages(gfp=GFP_KERNEL, order=8)",
        "no free block of order 8 or more");
    assertHas(
        folded(0, "explain", "alloc_pages", "GFP_KERNEL|GFP_DMA", "0", "--after", file(report)),
        "this machine has no zone with pages that may serve it");
  }

  @Test
  void listsThatAreThereTwiceAreSaid() throws IOException {
    String once = "Node 0, zone   Normal   90   80   10   0   0   0   0   0   0   0   0\n";
    String twice = once + "later\n" + once.replace("90", "70");
    assertHas(
        folded(0, "cat", "/proc/buddyinfo", "--after", file(twice)),
        "listed more than once: the last list counts",
        "Normal 70 80 10");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "efi: mem02: type=7, attr=0xf, range=[0x100000-0x40000000) (1023MB)"
            + "!efi: mem03: type=0, attr=0x0, range=[0x40000000-0x40100000) (1MB)",
        "efi: mem02: [Conventional Memory|   |WB] range=[0x100000-0x3fffffff] (1023MB)"
            + "!efi: mem03: [Runtime Data |RUN|WB] range=[0x40000000-0x400fffff] (1MB)",
      })
  void firmwareOfEfiHasAMap(String ram, String reserved) throws IOException {
    assertHas(
        folded(0, "explain", "boot", "--machine", file("[ 0.0] " + ram + "\n[ 0.0] " + reserved)),
        "[mem 0x0000000000100000-0x000000003fffffff] usable",
        "[mem 0x0000000040000000-0x00000000400fffff] reserved");
  }

  @Test
  void perfOfOneProcessShowsNoCpu() throws IOException {
    String trace =
        """
        sh  7 1.000001:   1 kmem:mm_page_alloc: page=(nil) pfn=0 order=9 migratetype=1 gfp_flags=GFP_TRANSHUGE
        sh  7 1.000002:   1 kmem:mm_page_alloc: page=0xd2 pfn=4096 order=2 migratetype=0 gfp_flags=GFP_KERNEL
        sh  7 1.000003:   1 kmem:mm_page_alloc: page=          (null) pfn=0 order=9 migratetype=0 gfp_flags=GFP_KERNEL
        sh  7 1.000004:   1 kmem:mm_page_free: page=0xd2 pfn=4096 order=2
        """;
    String text = folded(0, "run", file(trace), "--memory", "64M");
    assertHas(text, "2 failed where they were recorded");
    assertHas(folded(0, "run", file(trace), "--memory", "64M", "--csv"), "buddy,1,4,0,1,0");
  }

  private static final String THREADS =
      """
      7 mmap(NULL, 1048576, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fa3d1b1a000
      7 clone(child_stack=NULL, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 8
      8 munmap(0x7fa3d1b1a000, 524288 <unfinished ...>
      7 mmap(NULL, 1048576, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
      8 <... munmap resumed>) = 0
      7 <... mmap resumed>) = 0x7fa3d1a1a000
      """;

  /** The mapping ends where the other range begins: nothing was free there yet. */
  @Test
  void aPlaceShowsThatARangeWasStillTaken() throws IOException {
    assertHas(folded(0, "replay", file(THREADS)), "exact", "results 2");
    String later = THREADS.replace("0x7fa3d1a1a000", "0x7fa3d1a9a000");
    assertHas(folded(0, "replay", file(later)), "exact", "results 2");
    assertHas(folded(1, "replay", file(later.replace("a9a000", "a2a000"))), "DIFFERS");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {
        "clone(0x10500, 0, 0, 0, 0) = 8",
        "clone(child_stack=NULL, flags=0x10500) = 8",
        "clone3({flags=0x3d0f00, exit_signal=0}, 88) = 8",
        "clone3(0x7ffd25991220, 0x58) = 0x8",
      })
  void flagsOfThreadsMayBeNumbers(String clone) throws IOException {
    String log = THREADS.replaceFirst("clone.*", clone);
    assertHas(folded(0, "replay", file(log)), "exact", "results 2");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {"'     1\\t'", "'17:'", "'+'", "'-'", "'17:[pid 7] '", "'\\e[33m'", "'17:7 '"})
  void whatStandsBeforeACallIsLeftAway(String front) throws IOException {
    String log =
        """
        execve("/bin/true", ["true"], 0x7ffd /* 20 vars */) = 0
        mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fe4d865f000
        munmap(0x7fe4d865f000, 4096) = 0
        """;
    String mark = front.replace("\\t", "\t").replace("\\e", "\u001b");
    String text =
        folded(0, "replay", file(Pattern.compile("(?m)^").matcher(log.strip()).replaceAll(mark)));
    assertHas(text, "exact", "results 1");
    assertTrue(!text.contains("passed over"), text);
  }

  @Test
  void otherSystemsPlaceOtherwise() throws IOException {
    assertHas(
        folded(
            2,
            "replay",
            file("mmap(0x0, 8192, PROT_READ, MAP_PRIVATE|MAP_ANON, -1, 0) = 0xfefb0000\n")),
        "another system than Linux",
        "line 1");
    assertHas(
        folded(
            2, "replay", file("SYSCALL(args) \t = return\nmunmap(0x102D000, 0x2000)\t\t = 0 0\n")),
        "dtruss");
    String qemu =
        """
        7 mmap(NULL,4096,PROT_READ,MAP_PRIVATE|MAP_ANONYMOUS,-1,0) = 0x0000004000801000
        7 mmap(NULL,8192,PROT_READ,MAP_PRIVATE|MAP_ANONYMOUS,-1,0) = 0x0000004000802000
        """;
    assertHas(folded(1, "replay", file(qemu)), "qemu-user places the mappings");
  }

  @Test
  void aHeapElsewhereIsAnotherPrograms() throws IOException {
    String log =
        """
        7 brk(NULL) = 0x5607dd790000
        7 brk(0x5607dd7b1000) = 0x5607dd7b1000
        8 brk(NULL) = 0x55697ddf4000
        8 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fc6d892f000
        8 munmap(0x7fc6d892f000, 4096) = 0
        7 brk(NULL) = 0x5607dd7b1000
        8 brk(0x55697de15000) = 0x55697de15000
        """;
    assertHas(folded(0, "replay", file(log)), "exact", "1 program begins later", "shows no execve");
  }

  @Test
  void mailsAsTheyTravelWrapLines() throws IOException {
    String report =
        """
        > sh: page allocation failure: order:=
        2, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=3D(null),cpuset=3D/,mems_=
        allowed=3D0
        > CPU: 0 PID: 812 Comm: x Not tainted 5.0.4 #1
        > Node 0 Normal free:12000kB min:2800kB low:3500=
        kB high:4200kB present:262144kB managed:250000kB
        > lowmem_reserve[]: 0 0 0=20
        > Node 0 Normal: 2000*4kB (UME) 500*8kB (UME) 0*=
        16kB 0*32kB =3D 12000kB
        """;
    assertHas(
        folded(0, "explain", "--after", file(report)), "order=2", "3000 free pages", "= no page");
    String log =
        """
        > mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONY=
        MOUS, -1, 0) =3D 0x7fe4d865f000
        > munmap(0x7fe4d865f000, 4096)            =3D 0
        """;
    assertHas(folded(0, "replay", file(log)), "exact", "results 1");
  }

  @Test
  void whatMapsDoNotTellIsSaid() throws IOException {
    String stack = "be8c4000-be8e5000 rw-p 00000000 00:00 0          [stack]\n";
    String arm =
        "00008000-000b5000 r-xp 00000000 b3:02 1234 /bin/busybox\n"
            + stack
            + "ffff0000-ffff1000 r-xp 00000000 00:00 0          [vectors]\n";
    assertHas(
        folded(0, "explain", "mmap 64K", "--maps", file(arm)), "[vectors] lies above user space");
    String pool = "50000000-50400000 rw-p 00000000 00:0e 12 /anon_hugepage (deleted)\n" + stack;
    assertHas(
        folded(0, "cat", "/proc/1/maps", "--maps", file(pool)), "pages of hugetlb", "(1 mapping)");
    assertHas(
        folded(2, "explain", "mmap 64K", "--maps", file(arm + "==> b <==\n" + arm)),
        "this line lies below the one before: another dump begins",
        "line 5");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      value = {"'$ '!'> '", "'mm> '!'mm> '", "'1. '!'2. '", "'- '!'* '"})
  void scenariosAreCopiedFromPromptsAndLists(String first, String second) throws IOException {
    String lines = first + "mmap 64K\n" + second + "munmap $1 64K\n";
    assertHas(folded(0, "explain", "@" + file(lines)), "$1 mmap", "$2 munmap");
  }

  @Test
  void aPlaceThatIsNoPageIsRefused() throws IOException {
    String log = "mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fc6aa258400\n";
    assertHas(folded(2, "replay", file(log)), "no mapping begins at 0x7fc6aa258400", "line 1");
  }

  @Test
  void aSummaryCalledALogIsNamed() throws IOException {
    Path summary = dir.resolve("c.strace");
    Files.writeString(summary, "% time     seconds  usecs/call     calls    errors syscall\n");
    assertHas(folded(2, "replay", summary.toString()), "a summary of strace -c shows no calls");
  }
}
