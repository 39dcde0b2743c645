// SPDX-License-Identifier: Apache-2.0
/**
 * Which page is mapped where: page tables at the level that answers of calls need, and page caches.
 */
@NullMarked
package io.mm4j.process.page;

import org.jspecify.annotations.NullMarked;
