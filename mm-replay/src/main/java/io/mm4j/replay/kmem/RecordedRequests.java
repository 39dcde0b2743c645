// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.page.Gfp;
import java.util.List;

/** The requests and frees of a kmem recording, bulk allocations included. */
public final class RecordedRequests implements RequestTrace {
  /** The request that stands for a bulk allocation of each migratetype; its flags are not known. */
  private static final int[] BULK_GFP = {
    Gfp.GFP_KERNEL, Gfp.GFP_HIGHUSER_MOVABLE, Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE
  };

  private final Requests requests;
  private final TraceReader event;
  private int removals;
  private boolean free;
  private int gfp;

  private RecordedRequests(Requests requests, TraceReader event) {
    this.requests = requests;
    this.event = event;
  }

  /**
   * Opens a recording.
   *
   * @throws io.mm4j.api.InputException if it is incomplete or not well formed
   */
  public static RecordedRequests open(KmemSource source) {
    RecordedZones zones = RecordedZones.read(source);
    Requests requests = Requests.lookAhead(source, zones, FreePages.before(source, zones));
    return new RecordedRequests(requests, new TraceReader(source, zones));
  }

  /** The request that stands for a bulk allocation from this list. */
  static int bulkGfp(int migratetype) {
    return BULK_GFP[migratetype < BULK_GFP.length ? migratetype : 0];
  }

  @Override
  public boolean next() {
    while (event.next()) {
      switch (event.op()) {
        case 'a' -> {
          free = false;
          gfp = event.gfp();
          return true;
        }
        case 'z', 'E' -> {
          if (requests.isBulk(removals++)) {
            free = false;
            gfp = bulkGfp(event.type());
            return true;
          }
        }
        case 'f', 'g', 'F' -> {
          free = true;
          return true;
        }
        default -> {
          // what became of requests on the recorded machine, or an event about something else
        }
      }
    }
    return false;
  }

  @Override
  public boolean isFree() {
    return free;
  }

  @Override
  public long timeNs() {
    return event.timeNs();
  }

  @Override
  public int cpu() {
    return event.cpu();
  }

  @Override
  public long pfn() {
    return event.pfn();
  }

  @Override
  public int order() {
    return event.order();
  }

  @Override
  public int gfp() {
    return gfp;
  }

  @Override
  public long line() {
    return event.line();
  }

  @Override
  public List<String> notes() {
    return List.of();
  }

  @Override
  public void close() {
    event.close();
  }
}
