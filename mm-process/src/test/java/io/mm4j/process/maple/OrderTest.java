// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class OrderTest {
  @Test
  void agreesWithAList() {
    SplittableRandom random = new SplittableRandom(15);
    List<Integer> model = new ArrayList<>();
    long order = Order.EMPTY;
    for (int step = 0; step < 20_000; step++) {
      boolean grows = model.isEmpty() || (model.size() < 15 && random.nextInt(15) >= model.size());
      int rank = random.nextInt(model.size() + (grows ? 1 : 0));
      if (grows) {
        model.add(rank, Order.spare(order));
        order = Order.enter(order, rank);
      } else {
        int place = model.remove(/* index */ rank);
        order = Order.remove(order, rank);
        assertEquals(place, Order.spare(order), "place freed last, step " + step);
      }
      assertEquals(model.size(), Order.count(order));
      for (int i = 0; i < model.size(); i++) {
        assertEquals(model.get(i), Order.place(order, i), "rank " + i + ", step " + step);
        assertEquals(i, Order.rank(order, model.get(i)), "place " + model.get(i));
      }
      assertTrue(Order.isValid(order), () -> "step with " + model);
    }
  }

  @Test
  void knowsAPlaceThatStandsTwice() {
    assertTrue(Order.isValid(Order.EMPTY));
    assertFalse(Order.isValid(Order.EMPTY ^ 0x30));
  }
}
