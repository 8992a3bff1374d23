// Objects by name, with their list in order. A change costs a search and a copy of the list, not another sort: a switch
// may have ten thousand ports.

const collator = new Intl.Collator("en", { numeric: true });

/** The order of names that people expect: `vm2` before `vm10`. */
export function byName(one, other) {
    return collator.compare(one.name, other.name) || (one.name < other.name ? -1 : Number(one.name > other.name));
}

/** With more edits than this since the list was asked for, it is sorted anew. */
const editMaximum = 64;

export class ObjectTable extends Map {
    #list = [];
    #edits = new Set();

    set(name, object) {
        this.#edits.add(name);
        return super.set(name, object);
    }

    delete(name) {
        this.#edits.add(name);
        return super.delete(name);
    }

    /** The objects by name: the same list as long as nothing has changed. */
    get sorted() {
        if (this.#edits.size === 0) return this.#list;
        if (this.#edits.size > editMaximum) this.#list = [...this.values()].sort(byName);
        else {
            this.#list = this.#list.slice();
            for (const name of this.#edits) this.#edit(name);
        }
        this.#edits.clear();
        return this.#list;
    }

    #edit(name) {
        let [low, high] = [0, this.#list.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (byName(this.#list[middle], { name }) < 0) low = middle + 1;
            else high = middle;
        }
        const isThere = this.#list[low]?.name === name;
        const object = this.get(name);
        if (object) this.#list.splice(low, isThere ? 1 : 0, object);
        else if (isThere) this.#list.splice(low, 1);
    }
}
