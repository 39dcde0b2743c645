// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migrator;
import io.mm4j.api.page.OomHandler;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.page.Reclaimer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PressureTest {
  private final Pressure pressure = new Pressure();
  private final Cpu cpu = new Cpu(0, 0);
  private final List<String> asked = new ArrayList<>();

  private record Named(String name, boolean moves) implements Migrator {
    @Override
    public boolean migrate(Cpu cpu, long sourcePfn, long destinationPfn, int order) {
      return moves;
    }
  }

  private ReclaimRequest request(int gfp) {
    return ReclaimRequest.of(cpu, gfp, 0, 32);
  }

  private Reclaimer reclaimer(String name, long frees) {
    return request -> {
      asked.add(name);
      assertEquals(Cpu.PF_MEMALLOC, cpu.flags());
      assertEquals(0, pressure.reclaim(request), "no reclaim in reclaim");
      return frees;
    };
  }

  @Test
  void reclaimersAreAskedInOrderUntilEnoughIsFree() {
    Pressure.Registration first = pressure.register(reclaimer("first", 10));
    pressure.register(reclaimer("second", 22));
    pressure.register(reclaimer("third", 1));
    assertEquals(32, pressure.reclaim(request(Gfp.GFP_KERNEL)));
    assertEquals(List.of("first", "second"), asked);
    first.close();
    first.close();
    asked.clear();
    assertEquals(23, pressure.reclaim(request(Gfp.GFP_KERNEL)));
    assertEquals(List.of("second", "third"), asked);
    assertEquals(0, cpu.flags());
  }

  @Test
  void oneReclaimerMayRegisterTwice() {
    Reclaimer same = reclaimer("same", 1);
    Pressure.Registration one = pressure.register(same);
    Pressure.Registration two = pressure.register(same);
    one.close();
    one.close();
    assertEquals(1, pressure.reclaim(request(Gfp.GFP_KERNEL)));
    two.close();
    assertFalse(pressure.canReclaim());
  }

  @Test
  void aSecondMigratorIsRefusedAndBothAreNamed() {
    Pressure.Registration first = pressure.register(FrameOwner.ANON, new Named("lru", true));
    pressure.register(FrameOwner.FILE, new Named("cache", false));
    var e =
        assertThrows(
            MisuseException.class,
            () -> pressure.register(FrameOwner.ANON, new Named("rmap", false)));
    assertEquals(
        "frames of this owner have a migrator: owner=ANON registered=lru wanted=rmap",
        e.getMessage());
    assertTrue(pressure.migrate(cpu, FrameOwner.ANON, 1, 2, 0), "the first one is still asked");
    first.close();
    assertFalse(pressure.canMigrate(FrameOwner.ANON));
    Pressure.Registration third = pressure.register(FrameOwner.ANON, new Named("rmap", true));
    first.close();
    assertTrue(pressure.canMigrate(FrameOwner.ANON), "a second close does nothing");
    third.close();
    assertTrue(pressure.canMigrate(FrameOwner.FILE));
  }

  @Test
  void theLastResortIsOneAndIsAskedForSome() {
    assertFalse(pressure.outOfMemory(request(Gfp.GFP_KERNEL)), "nobody to ask");
    OomHandler handler =
        request -> {
          asked.add("kill");
          assertEquals(Cpu.PF_MEMALLOC, cpu.flags());
          assertFalse(pressure.outOfMemory(request), "no kill in a kill");
          return true;
        };
    Pressure.Registration registration = pressure.registerOom(handler);
    assertThrows(MisuseException.class, () -> pressure.registerOom(request -> false));
    assertTrue(pressure.outOfMemory(request(Gfp.GFP_KERNEL)));
    for (int gfp :
        new int[] {
          Gfp.GFP_NOWAIT,
          Gfp.GFP_NOFS,
          Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
          Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_KERNEL | Gfp.__GFP_THISNODE,
          Gfp.GFP_KERNEL | Gfp.GFP_DMA,
          Gfp.GFP_KERNEL | Gfp.GFP_DMA32
        }) {
      assertFalse(pressure.outOfMemory(request(gfp)), Gfp.format(gfp));
    }
    assertFalse(pressure.outOfMemory(ReclaimRequest.of(cpu, Gfp.GFP_KERNEL, 4, 32)));
    cpu.exchangeFlags(Cpu.PF_DUMPCORE);
    assertFalse(pressure.outOfMemory(request(Gfp.GFP_KERNEL)));
    cpu.exchangeFlags(0);
    assertEquals(List.of("kill"), asked);
    registration.close();
    assertFalse(pressure.canKill());
  }

  @Test
  void aRequestTellsWhatItsThreadHolds() {
    KernelLock mm = new KernelLock(LockClass.MM, "mm");
    KernelLock cache = new KernelLock(LockClass.PAGE_CACHE, "file");
    KernelLock zone = new KernelLock(LockClass.ZONE, "zone");
    assertEquals(0, LockOrder.held());
    mm.lock();
    assertTrue(cache.tryLock());
    zone.lock();
    ReclaimRequest request = request(Gfp.GFP_KERNEL);
    zone.unlock();
    cache.unlock();
    assertEquals(LockClass.MM.bit(), LockOrder.held());
    mm.unlock();
    assertEquals(LockClass.MM.bit() | LockClass.PAGE_CACHE.bit(), request.locksHeld());
    assertFalse(request.mayTake(LockClass.MM) || request.mayTake(LockClass.PAGE_CACHE));
    assertTrue(request.mayTake(LockClass.PAGE_TABLE));
    assertTrue(request(Gfp.GFP_KERNEL).mayTake(LockClass.MM));
  }

  @Test
  void masksAreListsOfNodes() {
    NodeMask mask = NodeMask.parse("0-2, 5", "mask");
    assertEquals("0-2,5", mask.toString());
    assertEquals(NodeMask.of(5, 0, 1, 2), mask);
    assertEquals(4, mask.size());
    assertTrue(mask.contains(2) && !mask.contains(3) && !mask.contains(-1));
    assertEquals(5, mask.next(3));
    assertEquals(-1, mask.next(6));
    assertTrue(NodeMask.parse("", "mask").isEmpty());
    assertEquals(NodeMask.of(0, 1), NodeMask.first(2));
    for (String wrong : List.of("x", "1-", "2-1", "-1", "1024", "1,,2")) {
      assertThrows(InputException.class, () -> NodeMask.parse(wrong, "mask"), wrong);
    }
    ReclaimRequest request = ReclaimRequest.of(cpu, Gfp.GFP_KERNEL, 0, 1, mask, 12);
    assertTrue(request.wantsNode(5) && !request.wantsNode(4));
    assertTrue(request(Gfp.GFP_KERNEL).wantsNode(4));
  }
}
